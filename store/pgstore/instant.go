package pgstore

import (
	"time"

	"github.com/cutover-go/cutover/store/rules"
)

// Instants are stored as microseconds since 1970, 0 for none. The server's clock is read in
// microseconds before anything uses it, so that what was stored comes back as it was.

// clock is the server's time at the moment at which the expression is evaluated: that of now()
// would be the beginning of the transaction, before the wait for a lock.
const clock = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func instant(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// microsOf rounds up: nothing that waits is due too early.
func microsOf(s rules.Stamp) int64 {
	us := int64(s / 1000)
	if s > rules.Stamp(us)*1000 {
		us++
	}
	return us
}

func stampOf(us int64) rules.Stamp { return rules.Stamp(us) * 1000 }
