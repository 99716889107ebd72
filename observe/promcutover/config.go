package promcutover

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Config configures a [Collector]. The zero value is ready to use.
type Config struct {
	// Name is the value of the label engine of all metrics, at most 64 bytes. Two collectors in one
	// registry need different names. Default: none.
	Name string
	// Interval is how often what the store tells is read again, with up to a tenth more; a refresh
	// that takes longer fails. Each refresh reads the plans of the store, up to MaxPlans of them.
	// Default 15 s; from 100 ms to 10 min.
	Interval time.Duration
	// MaxPlans is how many plans a refresh reads, the newest first, and those that are over last.
	// Default 10,000; at most 1,000,000.
	MaxPlans int
	// MaxCodes is how many error codes of failures have a series of their own; the others count as
	// the code other. Default 50, at most 1000.
	MaxCodes int
	// Histograms is the form of histograms of durations. Default ClassicHistograms.
	Histograms Histograms
}

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("promcutover: invalid arguments")

// InvalidError names every fault of the arguments of [New]. It matches [ErrInvalid].
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func (c Config) withDefaults() Config {
	c.Interval = cmp.Or(c.Interval, 15*time.Second)
	c.MaxPlans = cmp.Or(c.MaxPlans, 10_000)
	c.MaxCodes = cmp.Or(c.MaxCodes, 50)
	return c
}

// maxName is the maximum number of bytes of Name, and of an error code in a label.
const maxName = 64

func (c Config) faults() (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	if len(c.Name) > maxName || !utf8.ValidString(c.Name) {
		fault("Name has %d bytes or is no UTF-8; it must be UTF-8 of at most %d bytes", len(c.Name), maxName)
	}
	if least, most := 100*time.Millisecond, 10*time.Minute; c.Interval < least || c.Interval > most {
		fault("Interval is %s, it must be from %s to %s", c.Interval, least, most)
	}
	if c.MaxPlans < 0 || c.MaxPlans > 1_000_000 {
		fault("MaxPlans is %d, it must be from 0 to 1000000", c.MaxPlans)
	}
	if c.MaxCodes < 0 || c.MaxCodes > 1000 {
		fault("MaxCodes is %d, it must be from 0 to 1000", c.MaxCodes)
	}
	if c.Histograms > BothHistograms {
		fault("Histograms is %d, which is no form", c.Histograms)
	}
	return faults
}
