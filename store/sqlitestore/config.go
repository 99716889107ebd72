package sqlitestore

import (
	"cmp"
	"strings"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Config configures a [Store]. The zero value means the defaults.
type Config struct {
	// MaxEvents is the number of events that the log of a plan keeps; older events of tasks are
	// dropped. The events of the plan itself can still be read with PlanEvents. Default
	// store.KeptEvents; a negative value keeps all. Events that were dropped do not come back if
	// the number is raised later.
	MaxEvents int
	// Readers is how many queries are answered at the same time; each takes a connection, with a
	// cache of 2 MiB. Default 4.
	Readers int

	clock func() time.Time // of what is stored, and of tokens and waits; tests set it
	vfs   string           // the name of SQLite's VFS; empty: defaultVFS
}

func (c Config) withDefaults() Config {
	c.MaxEvents = max(0, cmp.Or(c.MaxEvents, store.KeptEvents)) // from here on 0 means all
	c.Readers = cmp.Or(c.Readers, 4)
	if c.clock == nil {
		c.clock = time.Now
	}
	return c
}

// check returns nil, or an *InvalidError that names every fault.
func (c Config) check(path string) error {
	var faults []string
	switch {
	case path == "":
		faults = append(faults, "no path of a file")
	case path == ":memory:":
		faults = append(faults, "the path :memory: is none of a file; store/memstore keeps plans in memory")
	case strings.HasPrefix(path, "file:"):
		faults = append(faults, "the path "+path+" is a URI; it has to be that of the file alone")
	}
	if c.Readers < 0 {
		faults = append(faults, "Readers is negative")
	}
	if len(faults) > 0 {
		return &InvalidError{Faults: faults}
	}
	return nil
}
