package storetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func eventCases() []testCase {
	return []testCase{
		{name: "tell of everything", run: eventsTell},
		{name: "tell nothing of saves and takeovers", run: eventsSilent},
		{name: "from any point", run: eventsPaged},
		{name: "at rest", run: eventsAtRest},
		{name: "at rest with the last of a batch", run: eventsAtRestOnce},
		{name: "not at rest with a task to sweep up", run: eventsBeforeSweep},
		{name: "beyond the newest", run: eventsAhead},
		{name: "of the plan alone", run: eventsOwn},
		{name: "of the plan are not trimmed", run: eventsOwnStay, trims: true},
		{name: "trimmed", run: eventsTrimmed, trims: true},
		{name: "cancelled pending tasks", run: eventsCancelPending},
	}
}

// events returns all events after a sequence number.
func (r *rollout) events(after int64) []plan.Event {
	r.Helper()
	var all []plan.Event
	for {
		page, err := r.Events(r.ctx, r.id, after, 0)
		r.ok(err)
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].Seq
	}
}

// lastEvent returns the newest event.
func (r *rollout) lastEvent() plan.Event {
	r.Helper()
	all := r.events(0)
	if len(all) == 0 {
		r.Fatal("there are no events")
		return plan.Event{}
	}
	return all[len(all)-1]
}

// brief returns an event as one line.
func brief(e plan.Event) string {
	s := fmt.Sprintf("%d %s: %s>%s", e.Task.Ordinal(), e.Cause, e.From, e.To)
	if e.Actor != "" {
		s += " by " + e.Actor
	}
	if e.Failure != nil {
		s += " " + e.Failure.ErrorCode
	}
	if e.AtRest {
		s += " at rest"
	}
	return s
}

// tell compares the events after a sequence number with the expected lines.
func (r *rollout) tell(after int64, want ...string) {
	r.Helper()
	got := r.events(after)
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			r.Errorf("no event, want %q", want[i])
		case i >= len(want):
			r.Errorf("event %d: %q, want none", got[i].Seq, brief(got[i]))
		case brief(got[i]) != want[i]:
			r.Errorf("event %d: %q, want %q", got[i].Seq, brief(got[i]), want[i])
		}
	}
}

func eventsTell(e *env) {
	r := e.start(3, tolerating(3, 3))
	jobs := r.take("worker", 3)
	r.do(jobs[0].work(store.Complete))
	r.do(jobs[1].work(store.Fail))
	r.order(3, plan.Plan.PauseTask)
	r.do(jobs[2].work(store.Yield))
	r.order(2, func(p plan.Plan, t task.Task, by plan.By) (plan.Decision, error) {
		return p.RetryTask(t, task.FromScratch, by)
	})
	r.do(r.take("worker", 1)[0].work(store.Complete))
	r.order(3, plan.Plan.CancelTask)
	r.settle()
	r.give(plan.Plan.Rollback)
	r.settle()
	for _, kind := range []store.ChangeKind{store.Undone, store.UndoFail, store.Undone} {
		r.do(r.take("worker", 1)[0].work(kind))
	}
	r.settle()
	r.tell(0,
		"0 create: >CREATED by creator at rest",
		"0 start: CREATED>RUNNING by operator",
		"1 claim: PENDING>RUNNING", "2 claim: PENDING>RUNNING", "3 claim: PENDING>RUNNING",
		"1 success: RUNNING>COMPLETED",
		"2 failure: RUNNING>FAILED BROKEN",
		"3 pause: RUNNING>RUNNING by operator",
		"3 pause: RUNNING>PAUSED at rest",
		"2 retry: FAILED>RUNNING by operator",
		"2 success: RUNNING>COMPLETED at rest",
		"3 cancel: PAUSED>CANCELLED by operator",
		"0 success: RUNNING>COMPLETED at rest",
		"0 rollback: COMPLETED>ROLLING_BACK by operator",
		"3 rollback: CANCELLED>ROLLING_BACK", "3 undo: ROLLING_BACK>ROLLED_BACK",
		"2 rollback: COMPLETED>ROLLING_BACK", "2 undo failure: ROLLING_BACK>ROLLBACK_FAILED BROKEN",
		"1 rollback: COMPLETED>ROLLING_BACK", "1 undo: ROLLING_BACK>ROLLED_BACK",
		"0 undo failure: ROLLING_BACK>ROLLBACK_FAILED at rest",
	)
	for _, ev := range r.events(0) {
		if ev.Task.Ordinal() == 2 && ev.Cause == "retry" {
			equal(e, "attempt", ev.Attempt, 2)
			equal(e, "tenant", ev.Tenant, tenantOf(2))
			equal(e, "reason", ev.Reason, "test")
		}
	}
}

func eventsSilent(e *env) {
	r := e.start(1, concurrently(1))
	j := r.take("old", 1)[0]
	last := r.read().LastEvent
	r.do(j.save("STEP", "1"))
	r.do(j.work(store.Yield))
	r.take("young", 1)
	r.lose(1, 3)
	r.take("third", 1)
	equal(e, "events", r.read().LastEvent, last)
	r.tell(last)
}

func eventsPaged(e *env) {
	const n = store.MaxPage + 200
	r := e.start(n, concurrently(n))
	for claimed := 0; claimed < n; {
		claimed += len(r.claim("worker", store.MaxBatch))
	}
	last := r.read().LastEvent
	equal(e, "events", last, n+2)
	for _, test := range []struct {
		after int64
		limit int
		want  int
	}{
		{0, 1, 1},
		{0, 7, 7},
		{500, 100, 100},
		{last - 3, 100, 3},
		{last - 1, 1, 1},
		{last, 10, 0},
		{0, 0, store.MaxPage},
		{0, store.MaxPage, store.MaxPage},
	} {
		events, err := e.Events(e.ctx, r.id, test.after, test.limit)
		e.ok(err)
		equal(e, fmt.Sprintf("events after %d, limit %d", test.after, test.limit), len(events), test.want)
		for i, ev := range events {
			if want := max(test.after, 0) + int64(i) + 1; ev.Seq != want {
				e.Fatalf("event %d where %d has to be", ev.Seq, want)
			}
		}
	}
}

// eventsAhead: a position beyond the last event is not treated as the end of the log.
func eventsAhead(e *env) {
	r := e.start(2, concurrently(2))
	ahead := func(after int64) {
		e.Helper()
		newest := r.read().LastEvent
		events, err := e.Events(e.ctx, r.id, after, 10)
		e.is(err, store.ErrEventsAhead)
		var recorded *store.EventsAheadError
		if len(events) > 0 || errors.As(err, &recorded) && (recorded.Newest != newest || recorded.After != after) {
			e.Errorf("events after %d of %d: %d, %v", after, newest, len(events), err)
		}
	}
	last := r.read().LastEvent
	ahead(last + 1)
	ahead(last + 50)
	ahead(math.MaxInt64)
	r.take("worker", 1)
	ahead(last + 2)
	r.tell(last + 1) // a position at the last event is the end
}

func eventsAtRest(e *env) {
	r := e.start(2, tolerating(2, 0))
	last := func(want bool) {
		e.Helper()
		ev := r.lastEvent()
		if ev.AtRest != want {
			e.Errorf("%q, at rest wanted: %v", brief(ev), want)
		}
		equal(e, "plan at rest", r.read().AtRest(), want)
	}
	last(false)
	jobs := r.take("worker", 2)
	r.order(1, plan.Plan.PauseTask)
	r.do(jobs[0].work(store.Yield))
	last(false)
	r.do(jobs[1].work(store.Complete)) // the other task is paused individually
	last(true)
	r.order(1, plan.Plan.ResumeTask)
	last(false)
	j := r.take("worker", 1)[0]
	r.give(plan.Plan.Pause)
	last(false)
	r.do(j.work(store.Yield))
	last(true)
	r.give(plan.Plan.Cancel)
	for len(r.read().Sweeps) > 0 {
		r.decide(func(p plan.Plan) (plan.Decision, error) {
			return p.Sweep([]task.Task{r.task(1)}, 0, func(task.ID) bool { return false }, by()), nil
		})
	}
	last(true)
}

// eventsAtRestOnce: of the events of one commit only the last can be marked AtRest.
func eventsAtRestOnce(e *env) {
	r := e.start(3, concurrently(3))
	jobs := r.take("worker", 3)
	r.give(plan.Plan.Pause)
	last := r.read().LastEvent
	r.commit(jobs[0].work(store.Yield), jobs[1].work(store.Complete), jobs[2].work(store.Yield))
	r.tell(last, "1 pause: RUNNING>PAUSED", "2 success: RUNNING>COMPLETED", "3 pause: RUNNING>PAUSED at rest")
}

// eventsBeforeSweep: if a task was paused after a cancel was decided, the canceled plan still has
// to cancel that task. Until then the plan is not at rest and cannot be removed.
func eventsBeforeSweep(e *env) {
	r := e.start(1, concurrently(1))
	job := r.take("worker", 1)[0]
	r.give(plan.Plan.Pause)
	cancel := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(by()) })
	r.do(job.work(store.Yield))
	last := r.read().LastEvent
	p := r.send(cancel)
	r.tell(last, "0 cancel: PAUSED>CANCELLED by operator")
	equal(e, "plan at rest", p.AtRest(), false)
	_, err := e.Remove(e.ctx, r.id)
	e.is(err, store.ErrConflict)
}

func eventsTrimmed(e *env) {
	const keep = 10
	e.trim(keep)
	r := e.start(30, concurrently(30))
	r.take("worker", 20)
	last := r.read().LastEvent
	_, err := e.Events(e.ctx, r.id, 0, 5)
	var trimmed *store.TrimmedError
	if e.is(err, store.ErrTrimmed); !errors.As(err, &trimmed) {
		return
	}
	if trimmed.First <= 1 || trimmed.First > last-keep+1 {
		e.Errorf("the first event there is: %d of %d, %d are to be kept", trimmed.First, last, keep)
	}
	_, err = e.Events(e.ctx, r.id, trimmed.First-2, 5)
	e.is(err, store.ErrTrimmed)
	events, err := e.Events(e.ctx, r.id, trimmed.First-1, 1000)
	e.ok(err)
	if n := int64(len(events)); n == 0 || n != last-trimmed.First+1 || events[0].Seq != trimmed.First {
		e.Errorf("%d events from %d on, of %d", n, trimmed.First, last)
	}
}

// own reads the plan events, in pages of limit, and returns them as lines, with their sequence
// numbers.
func (r *rollout) own(after int64, limit int) (briefs []string, seqs []int64) {
	r.Helper()
	for {
		page, err := r.PlanEvents(r.ctx, r.id, after, limit)
		r.ok(err)
		if len(page) == 0 {
			return briefs, seqs
		}
		if limit > 0 && len(page) > limit {
			r.Errorf("%d events, the limit is %d", len(page), limit)
		}
		for _, ev := range page {
			briefs, seqs = append(briefs, brief(ev)), append(seqs, ev.Seq)
		}
		after = seqs[len(seqs)-1]
	}
}

func eventsOwn(e *env) {
	r := e.start(3, tolerating(3, 3))
	for _, j := range r.take("worker", 3) {
		r.do(j.work(store.Complete))
	}
	r.settle()
	r.give(plan.Plan.Rollback)
	want := []string{
		"0 create: >CREATED by creator at rest", "0 start: CREATED>RUNNING by operator",
		"0 success: RUNNING>COMPLETED at rest", "0 rollback: COMPLETED>ROLLING_BACK by operator",
	}
	for limit := range 6 {
		got, seqs := r.own(0, limit)
		if !slices.Equal(got, want) || !slices.Equal(seqs, []int64{1, 2, 9, 10}) {
			e.Errorf("with limit %d: %q numbered %v, want %q", limit, got, seqs, want)
		}
	}
	for after, left := range map[int64]int{1: 3, 5: 2, 9: 1, 10: 0} {
		if got, _ := r.own(after, 0); len(got) != left {
			e.Errorf("after %d: %q, want %d", after, got, left)
		}
	}
	_, err := e.PlanEvents(e.ctx, r.id, 11, 1)
	e.is(err, store.ErrEventsAhead)
	_, err = e.PlanEvents(e.ctx, r.id+1000, 0, 1)
	e.is(err, store.ErrNotFound)
}

// eventsOwnStay: the events that report who started and stopped a plan are kept as long as the plan
// exists.
func eventsOwnStay(e *env) {
	const keep = 10
	e.trim(keep)
	r := e.start(2000, concurrently(2000))
	for range 20 {
		r.take("worker", store.MaxBatch)
	}
	r.give(plan.Plan.Pause)
	r.give(plan.Plan.Cancel)
	_, err := e.Events(e.ctx, r.id, 0, 5)
	e.is(err, store.ErrTrimmed)
	want := []string{
		"0 create: >CREATED by creator at rest", "0 start: CREATED>RUNNING by operator",
		"0 pause: RUNNING>PAUSED by operator", "0 cancel: PAUSED>CANCELLED by operator",
	}
	if got, seqs := r.own(0, 0); !slices.Equal(got, want) || seqs[3] != r.read().LastEvent {
		e.Errorf("%q numbered %v, want %q", got, seqs, want)
	}
}

// eventsCancelPending: one plan event stands for the cancellation of all pending tasks of the plan.
func eventsCancelPending(e *env) {
	r := e.start(500, concurrently(1))
	r.run(1, store.Complete)
	last := r.read().LastEvent
	p := r.give(plan.Plan.Cancel)
	equal(e, "cancelled", p.Counters.Of(task.Canceled), 499)
	equal(e, "pending", p.Counters.Of(task.Pending), 0)
	for len(p.Sweeps) > 0 {
		p = r.decide(func(p plan.Plan) (plan.Decision, error) {
			return p.Sweep(nil, 0, func(task.ID) bool { return false }, by()), nil
		})
	}
	r.tell(last, "0 cancel: RUNNING>CANCELLED by operator at rest")
	equal(e, "a task", r.task(300).State, task.Canceled)
	equal(e, "claimed", len(r.claim("worker", 5)), 0)
}
