package window

import (
	"fmt"
	"strings"
	"time"
)

// loader returns the zone with an IANA name: time.LoadLocation, but for tests.
type loader func(name string) (*time.Location, error)

// maxZone is more than the length of the longest name in the zone database.
const maxZone = 64

// zones loads each zone of a set of windows once.
type zones struct {
	load   loader
	loaded map[string]*time.Location
}

// get returns a zone, or what is wrong with its name.
func (z *zones) get(name string) (loc *time.Location, problem string) {
	if loc, ok := z.loaded[name]; ok {
		return loc, ""
	}
	if problem := nameFault(name); problem != "" {
		return nil, problem
	}
	loc, err := z.load(name)
	if err != nil {
		return nil, z.explain(name, err)
	}
	z.loaded[name] = loc
	return loc, ""
}

// nameFault returns why the name is refused whatever the host's database says, or "".
func nameFault(name string) string {
	switch {
	case name == "":
		return "is empty; name an IANA zone, such as Europe/Berlin or UTC"
	case len(name) > maxZone:
		return fmt.Sprintf("is %d bytes, the limit is %d", len(name), maxZone)
	// These differ from host to host: the first is a name of Go, the others are files beside the
	// zones on many systems.
	case name == "Local" || name == "localtime" || name == "posixrules":
		return fmt.Sprintf("%q differs from host to host; name an IANA zone, such as Europe/Berlin or UTC", name)
	// Copies of the database that only some hosts have; "right" counts leap seconds, which Go does
	// not.
	case strings.HasPrefix(name, "right/") || strings.HasPrefix(name, "posix/"):
		return fmt.Sprintf("%q is not an IANA zone; leave out the prefix", name)
	}
	return ""
}

// explain returns why a zone could not be loaded. If a zone that every database contains cannot be
// loaded either, the host has no database; otherwise the name is wrong.
func (z *zones) explain(name string, err error) string {
	if _, probe := z.load("Etc/UTC"); probe != nil {
		return fmt.Sprintf("%q is unknown, because this host has no time zone database: "+
			"install tzdata, or import time/tzdata in the program (%v)", name, err)
	}
	return fmt.Sprintf("%q is unknown in the time zone database of this host (%v)", name, err)
}

// offsetAt returns how many seconds the clock of a zone is ahead of UTC.
func offsetAt(loc *time.Location, at int64) int64 {
	_, offset := time.Unix(at, 0).In(loc).Zone()
	return int64(offset)
}

// edge returns the first instant at which the clock of a zone shows the wall time or a later one.
// Wall times are seconds since 1970-01-01 00:00 on the clock of the zone, instants are those of
// UTC.
//
// It goes through the stretches of one offset in order: the first that reaches the wall time has
// the edge, at its beginning if the clock was set forward over the wall time.
func edge(loc *time.Location, wall int64) int64 {
	// No offset is a day or more, so up to here every clock has only shown earlier times.
	at := wall - daySeconds
	for {
		shown := max(at, wall-offsetAt(loc, at))
		end, ends := offsetEnd(loc, at)
		if !ends || shown < end {
			return shown
		}
		at = end
	}
}

// offsetEnd returns an instant after at up to which the clock keeps its offset. The offset may stay
// the same after it.
func offsetEnd(loc *time.Location, at int64) (end int64, ends bool) {
	_, bound := time.Unix(at, 0).In(loc).ZoneBounds()
	if bound.IsZero() {
		return 0, false
	}
	if end := bound.Unix(); end > at {
		return end, true
	}
	// Beyond the transitions that a database lists, ZoneBounds takes every year for 365 days: on
	// December 31 of a leap year its bound is the beginning of that day. The offset is right, and
	// does not change before the end of the UTC day.
	return (floorDiv(at, daySeconds) + 1) * daySeconds, true
}
