package renewal

import (
	"context"
	"time"
)

// StopRule ends a task. Rules are evaluated before each refresh.
type StopRule struct {
	kind  stopKind
	done  <-chan struct{}
	at    time.Time
	after time.Duration
	count int
	fn    StopFunc
}

type stopKind uint8

const (
	stopInvalid stopKind = iota
	stopDone
	stopAt
	stopAfter
	stopCount
	stopKeyGone
	stopFunc
)

// StopFunc reports whether a task should end. After an error or a panic the tick counts as failed
// and is retried while time remains.
type StopFunc func(context.Context, Status) (bool, error)

// WhenDone ends the task when the channel, for instance a context's Done, is closed.
func WhenDone(done <-chan struct{}) StopRule { return StopRule{kind: stopDone, done: done} }

// At ends the task at the first tick at or after a moment of wall-clock time.
func At(t time.Time) StopRule { return StopRule{kind: stopAt, at: t} }

// After ends the task at the first tick at least d after its registration.
func After(d time.Duration) StopRule { return StopRule{kind: stopAfter, after: d} }

// Times ends the task after n ticks in which at least one key was renewed.
func Times(n int) StopRule { return StopRule{kind: stopCount, count: n} }

// KeyGone treats a missing key as finished instead of lost: its outcome is Skipped, and the context
// of the task does not end with ErrLost. A key with another owner's token and a key past its local
// deadline are still lost.
func KeyGone() StopRule { return StopRule{kind: stopKeyGone} }

// If ends the task when the function returns true.
func If(fn StopFunc) StopRule { return StopRule{kind: stopFunc, fn: fn} }
