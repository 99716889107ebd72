// Package instant is how stores keep instants in a number: microseconds since 1970, 0 for none. A
// store cuts its clock to microseconds before anything uses it, so that what was stored comes back
// as it was.
package instant

import (
	"time"

	"github.com/cutover-go/cutover/store/rules"
)

// Micros returns what is stored for t.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Time returns the time, in UTC, for which us is stored.
func Time(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// MicrosOf returns what is stored for s, rounded up: nothing that waits is due too early.
func MicrosOf(s rules.Stamp) int64 {
	us := int64(s / 1000)
	if s > rules.Stamp(us)*1000 {
		us++
	}
	return us
}

// Stamp returns the stamp for which us is stored.
func Stamp(us int64) rules.Stamp { return rules.Stamp(us) * 1000 }
