package task

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
)

// MaxAttempts is how many attempts a task keeps in [Task.Attempts].
const MaxAttempts = 8

// MaxWorker is the maximum length of the worker's name in an [Attempt], in bytes; a longer name is
// cut.
const MaxWorker = 256

// Attempt is an attempt, or an undo, that ended with a failure.
type Attempt struct {
	// Number is the task's Attempt. An undo has the number of the attempt that it undoes, and more
	// than one undo may have it.
	Number int
	// Undo reports that it was an undo.
	Undo bool
	// Began is when a worker took the task for it. If another worker carried on a later attempt or
	// an undo, it is when that could have begun: after what ended before it, after the command, and
	// after the wait. It is zero if that is not known.
	Began time.Time
	// Ended is the failure's Timestamp. Both times have microseconds, in UTC.
	Ended time.Time
	// Worker is the process that had the task at the end, empty if none had it.
	Worker string
	// ErrorCode and Step are those of the failure.
	ErrorCode, Step string
}

// Tried returns the attempts of t after the one under way has ended with f: t.Attempts, without the
// oldest if there are too many, and the new one. t is the task as it is, or as its worker claimed
// it. The result shares no memory with t.
func (t Task) Tried(f *FailureInfo) []Attempt {
	a := Attempt{
		Number: t.Attempt, Undo: t.State == RollingBack, Began: micros(t.began()), Ended: micros(f.Timestamp),
		Worker: Cut(t.Worker, MaxWorker), ErrorCode: Cut(f.ErrorCode, MaxCode), Step: Cut(f.Step, checkpoint.MaxStepName),
	}
	kept := t.Attempts[max(0, len(t.Attempts)+1-MaxAttempts):]
	return append(slices.Clone(kept), a)
}

// began returns when the attempt or the undo under way began, as far as t tells.
func (t Task) began() time.Time {
	undo := t.State == RollingBack
	if t.Worker != "" && t.Elapsed == 0 && (undo || t.Attempt > 1) {
		return t.UpdatedAt // of its claim: no worker had it before
	}
	if t.Attempt == 1 && !undo {
		return t.StartedAt
	}
	latest := t.RetriedAt
	if undo {
		latest = t.EndedAt
	}
	if n := len(t.Attempts); n > 0 && t.Attempts[n-1].Ended.After(latest) {
		latest = t.Attempts[n-1].Ended
	}
	if t.Wait.Why == WaitBackoff && t.Wait.Until.After(latest) {
		latest = t.Wait.Until
	}
	return latest
}

func micros(at time.Time) time.Time { return at.UTC().Truncate(time.Microsecond) }
