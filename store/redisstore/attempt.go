package redisstore

import (
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// appendAttempts appends a line feed and the stored form of attempts, which has none; nothing if
// there are no attempts.
func appendAttempts(to []byte, attempts []task.Attempt) []byte {
	if text := planrecord.MarshalAttempts(attempts); text != nil {
		to = append(append(to, '\n'), text...)
	}
	return to
}
