package strategy

import (
	"math"
	"time"
)

// Retry says how often a task is tried without a command before it counts as failed, and how long
// to wait between two attempts: First, then twice as long each time up to Max, each wait lengthened
// or shortened at random by up to half. Only failures that are retryable are tried again. The zero
// value tries once.
type Retry struct {
	// Attempts is the number of the last attempt that begins without a command, at most
	// [MaxAttempts]. Default 1: there is no second. Attempts that a person began with a retry count
	// too: after the retry of a task that has used up its attempts, a failure ends it at once.
	Attempts int
	// First is the wait before the second attempt. Default 1 s.
	First time.Duration
	// Max is the longest wait, before randomisation. Default 5 min, or First if that is longer.
	Max time.Duration
}

// MaxAttempts is the largest number of attempts of a [Retry].
const MaxAttempts = 1000

const (
	defaultFirst = time.Second
	defaultMax   = 5 * time.Minute
)

// Wait returns how long to wait after the given attempt, from 1, before the next one. share is a
// random number from 0 up to 1.
//
// The wait depends on nothing else, because attempts may follow each other in different processes.
func (r Retry) Wait(attempt int, share float64) time.Duration {
	first, longest := r.bounds()
	wait := float64(first) * math.Pow(2, float64(max(0, attempt-1)))
	return time.Duration(min(wait, float64(longest)) * (0.5 + share))
}

// bounds returns First and Max, or their defaults.
func (r Retry) bounds() (first, longest time.Duration) {
	first, longest = r.First, r.Max
	if first == 0 {
		first = defaultFirst
		if longest > 0 {
			first = min(first, longest)
		}
	}
	if longest == 0 {
		longest = max(defaultMax, first)
	}
	return first, longest
}

func (r Retry) faults() []Fault {
	var faults []Fault
	add := func(field, problem string) { faults = append(faults, Fault{"Retry." + field, problem}) }
	if r.Attempts < 0 {
		add("Attempts", "is negative")
	}
	if r.Attempts > MaxAttempts {
		add("Attempts", "is more than 1000")
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{{"First", r.First}, {"Max", r.Max}} {
		if problem := badTime(d.value); problem != "" {
			add(d.field, problem)
		}
	}
	if r.Max > 0 && r.First > r.Max {
		add("First", "is longer than Retry.Max")
	}
	return faults
}

// MaxTime is the longest time that a strategy can name.
const MaxTime = 366 * 24 * time.Hour

// badTime returns what is wrong with a time of a strategy, or "".
func badTime(d time.Duration) string {
	switch {
	case d < 0:
		return d.String() + " is negative"
	case d > MaxTime:
		return d.String() + " is longer than 366 days"
	case d%time.Millisecond != 0:
		return d.String() + " is not a whole number of milliseconds"
	}
	return ""
}
