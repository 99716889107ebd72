package planrecord

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/cutover-go/cutover/task"
)

// attempt is the stored form of a task.Attempt. Times are in microseconds, 0 for none.
type attempt struct {
	Number int    `json:"n"`
	Undo   bool   `json:"undo,omitempty"`
	Began  int64  `json:"began,omitempty"`
	Ended  int64  `json:"ended,omitempty"`
	Worker string `json:"worker,omitempty"`
	Code   string `json:"code,omitempty"`
	Step   string `json:"step,omitempty"`
}

var errAttempts = errors.New("there are no attempts, or too many")

// MarshalAttempts returns attempts as JSON in one line; nil if there are none.
func MarshalAttempts(attempts []task.Attempt) []byte {
	if len(attempts) == 0 {
		return nil
	}
	records := make([]attempt, len(attempts))
	for i := range attempts {
		a := &attempts[i]
		records[i] = attempt{a.Number, a.Undo, micros(a.Began), micros(a.Ended), a.Worker, a.ErrorCode, a.Step}
	}
	text, _ := json.Marshal(records) //nolint:errchkjson // numbers and texts only
	return text
}

// ParseAttempts reads what MarshalAttempts has written.
func ParseAttempts(text []byte, to *[]task.Attempt) error {
	var records []attempt
	if err := json.Unmarshal(text, &records); err != nil {
		return err
	}
	if len(records) == 0 || len(records) > task.MaxAttempts {
		return errAttempts
	}
	*to = make([]task.Attempt, len(records))
	for i, r := range records {
		(*to)[i] = task.Attempt{
			Number: r.Number, Undo: r.Undo, Began: ofMicros(r.Began), Ended: ofMicros(r.Ended), Worker: r.Worker, ErrorCode: r.Code, Step: r.Step,
		}
	}
	return nil
}

func micros(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMicro()
}

func ofMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}
