package sqlitestore

import (
	"time"

	"github.com/cutover-go/cutover/store/rules"
)

// Instants are stored as microseconds since 1970, 0 for none. The store's clock is cut to them
// before anything uses it, so that what was stored comes back as it was.

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

// now reads the clock of what is stored.
func (s *Store) now() rules.Stamp { return stampOf(s.cfg.clock().UnixMicro()) }
