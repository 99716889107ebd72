package storetest

import (
	"time"

	"github.com/cutover-go/cutover/task"
)

// deferStopCases returns a case for each stop that can be in force when a worker defers its task,
// and each reason.
func deferStopCases() []testCase {
	var cases []testCase
	for name, y := range stops() {
		for _, why := range reasons() {
			cases = append(cases, testCase{name: why.String() + ", " + name, run: func(e *env) { defers(e, y, why) }})
		}
	}
	return cases
}

// defers: a stop in force takes effect in the same step, and the task does not wait.
func defers(e *env, y yield, why task.WaitReason) {
	r := e.start(3, tolerating(2, 0))
	r.take("lost", 1)
	r.lose(1, 9)
	jobs := r.take("worker", 2)
	r.steer(y, jobs[1])
	before, version := r.read(), r.task(1).Version
	w := jobs[0].deferred(why, time.Hour)
	w.Failure, w.Elapsed = &task.FailureInfo{Reason: "it broke", ErrorCode: "DEFERRED"}, time.Minute
	equal(e, "state answered", r.do(w).State, y.want)

	t := r.task(1)
	equal(e, "state", t.State, y.want)
	equal(e, "worker", t.Worker, "")
	equal(e, "request", t.Request, task.NoRequest)
	equal(e, "paused alone", t.PausedIndividually, y.alone)
	equal(e, "ended", !t.EndedAt.IsZero(), y.want.Ended())
	equal(e, "waiting", t.Waiting, y.want == task.Running)
	equal(e, "version rose", t.Version > version, true)

	next := why == task.WaitBackoff && y.want != task.Canceled // the next attempt begins
	attempt, losses, elapsed := 1, 1, time.Minute
	if next {
		attempt, losses, elapsed = 2, 0, 0
	}
	equal(e, "attempt", t.Attempt, attempt)
	equal(e, "losses", t.Losses, losses)
	equal(e, "elapsed", t.Elapsed, elapsed)
	equal(e, "failure kept", code(t.Failure) == "DEFERRED", y.kept || next)
	kept := why
	if y.want == task.Canceled {
		kept = task.NoWait
	}
	equal(e, "reason", t.Wait.Why, kept)
	equal(e, "until", t.Wait.Until.IsZero(), kept == task.NoWait)
	r.tells(before.LastEvent, y, next)
}

// tells checks the events after a sequence number: first the next attempt, if one begins, and then
// the effect of the stop.
func (r *rollout) tells(after int64, y yield, next bool) {
	r.Helper()
	var want []string
	if next {
		want = append(want, "1 retry: RUNNING>RUNNING DEFERRED")
	}
	switch y.want {
	case task.Paused:
		want = append(want, "1 pause: RUNNING>PAUSED")
	case task.Canceled:
		want = append(want, "1 cancel: RUNNING>CANCELLED")
	case task.Running, task.Pending, task.Completed, task.Failed, task.Skipped, task.RollingBack, task.RolledBack, task.RollbackFailed:
	}
	events := r.events(after)
	if len(events) != len(want) {
		r.Fatalf("%d events, want %v", len(events), want)
	}
	for i, ev := range events {
		ev.AtRest = false // other tasks decide
		equal(r.env, "event", brief(ev), want[i])
		if next {
			equal(r.env, "attempt of the event", ev.Attempt, 2)
		}
	}
}
