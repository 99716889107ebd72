package notify

import (
	"cmp"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Config configures a [Notifier]. The zero value is ready to use.
type Config struct {
	// Filter selects what is sent. Default: what plans do themselves, and failures of tasks.
	Filter Filter
	// FromStart makes a name that is new begin with the first event of every plan. Default: it
	// begins at the present.
	FromStart bool
	// Window is for how long failures of a plan are collected into one message, from the first one
	// on; they are sent earlier if another event is to be sent, or when the plan is at rest.
	// Default 10 s, at most an hour; negative: every failure is a message.
	Window time.Duration
	// BaseURL is the address at which browsers find the console of package ops, for links.
	// Default: no links.
	BaseURL string
	// Language of titles and texts: "en" or "zh-CN". Default "en".
	Language string
	// Timeout is how long a sink may take to send a message. Default 10 s, at most a minute.
	Timeout time.Duration
	// GiveUp is for how long a message is tried before it becomes a dead letter. Default 24 h, at
	// most 366 days.
	GiveUp time.Duration
	// RetryMin and RetryMax bound the pauses between two tries of a message, which double. Default
	// 1 s and 5 min, at most an hour.
	RetryMin, RetryMax time.Duration
	// Concurrency is the maximum number of plans whose messages are sent at the same time. Default
	// 8, at most 100.
	Concurrency int
	// PollInterval is how often the store is asked for plans with new events, besides its hints.
	// Default 1 s, at most a minute.
	PollInterval time.Duration
	// OnFault is called for each failed call of the store or of the sink; most are tried again.
	// Default: they are logged to slog.Default, at most one of each operation in ten seconds.
	OnFault func(op string, err error)
}

// ErrInvalid is matched by every [*InvalidError].
var ErrInvalid = errors.New("notify: invalid configuration")

// InvalidError names every fault of the arguments of [New]. It matches [ErrInvalid].
type InvalidError struct{ Faults []string }

func (e *InvalidError) Error() string {
	return ErrInvalid.Error() + ": " + strings.Join(e.Faults, "; ")
}

// Is reports whether target is [ErrInvalid].
func (e *InvalidError) Is(target error) bool { return target == ErrInvalid }

func (c Config) withDefaults() Config {
	c.Window = max(0, cmp.Or(c.Window, 10*time.Second))
	c.Language = cmp.Or(c.Language, "en")
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.GiveUp = cmp.Or(c.GiveUp, 24*time.Hour)
	c.RetryMin = cmp.Or(c.RetryMin, time.Second)
	c.RetryMax = cmp.Or(c.RetryMax, max(c.RetryMin, 5*time.Minute))
	c.Concurrency = cmp.Or(c.Concurrency, 8)
	c.PollInterval = cmp.Or(c.PollInterval, time.Second)
	if c.OnFault == nil {
		c.OnFault = logFaults()
	}
	return c
}

// faults returns what is wrong with the configuration, in sentences.
func (c Config) faults(name string) (faults []string) {
	if err := store.CheckSubscription(name); err != nil {
		faults = append(faults, strings.TrimPrefix(err.Error(), store.ErrInvalid.Error()+": "))
	}
	for _, d := range []struct {
		field       string
		value, most time.Duration
	}{
		{"Window", c.Window, time.Hour},
		{"Timeout", c.Timeout, time.Minute},
		{"GiveUp", c.GiveUp, 366 * 24 * time.Hour},
		{"RetryMin", c.RetryMin, time.Hour},
		{"RetryMax", c.RetryMax, time.Hour},
		{"PollInterval", c.PollInterval, time.Minute},
	} {
		if d.value < 0 || d.value > d.most {
			faults = append(faults, d.field+" is "+d.value.String()+", it must be from 0 to "+d.most.String())
		}
	}
	if c.RetryMin > c.RetryMax {
		faults = append(faults, "RetryMin is above RetryMax")
	}
	if c.Concurrency < 0 || c.Concurrency > store.MaxBatch {
		faults = append(faults, "Concurrency must be from 0 to 100")
	}
	if c.Language != "en" && c.Language != "zh-CN" {
		faults = append(faults, "Language is "+c.Language+", allowed are en and zh-CN")
	}
	if u, err := url.Parse(c.BaseURL); c.BaseURL != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "") {
		faults = append(faults, "BaseURL is no http or https address without query")
	}
	return append(faults, c.Filter.faults()...)
}
