package storetest

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Check fails t unless the data of one plan in a store is consistent:
//
//   - the counters match the states of the tasks, Held the number of tasks with a worker, Waiting
//     the number of tasks that wait, and NextDue is when the first of these is due; Starting and
//     Exempt match the requests of the tasks
//   - the counters of each wave match the states of its tasks, and WaveEndedAt is set if the open
//     wave has ended, as long as the plan keeps them
//   - the failure groups match the failed tasks
//   - States returns the states of the tasks
//   - a worker holds only tasks in flight, and every orphan is held by the worker it names
//   - only tasks in flight wait, for a reason and without a worker
//   - the events are numbered without gaps, up to the plan's LastEvent
//   - the events, replayed from the first, lead to the current states of plan and tasks
//   - the plan events begin with the creation of the plan and match those in the log
//   - the last event is AtRest if, and only if, the plan is at rest, unless a command without an
//     event was applied after it
//
// The plan must not change during the check.
func Check(t testing.TB, s store.Store, id plan.ID) {
	t.Helper()
	check(t.Context(), t, s, id)
}

func check(ctx context.Context, t testing.TB, s store.Store, id plan.ID) {
	t.Helper()
	c := checker{TB: t, s: s, id: id}
	var err error
	if c.plan, err = s.Plan(ctx, id); err != nil {
		t.Errorf("check of plan %s: %v", id, err)
		return
	}
	if c.readTasks(ctx) != nil {
		return
	}
	c.counters()
	c.waves()
	c.groups()
	c.states(ctx)
	c.tenants(ctx)
	c.orphans(ctx)
	c.replay(ctx)
}

// checker is the state of one check.
type checker struct {
	testing.TB
	s     store.Store
	id    plan.ID
	plan  plan.Plan
	tasks []task.Task // indexed by ordinal - 1
}

func (c *checker) readTasks(ctx context.Context) error {
	c.Helper()
	for after, more := 0, true; more; more = after != 0 {
		page, next, err := c.s.Tasks(ctx, c.id, store.TaskQuery{After: after})
		if err != nil {
			c.Errorf("check of plan %s: tasks after %d: %v", c.id, after, err)
			return err
		}
		c.tasks = append(c.tasks, page...)
		after = next
	}
	for i, t := range c.tasks {
		if t.ID != task.NewID(c.id, i+1) {
			c.Errorf("check of plan %s: task %d of the list is %s", c.id, i+1, t.ID)
			return errors.New("tasks out of order")
		}
	}
	return nil
}

// waves compares the counters of the waves with the tasks, as long as they are kept.
func (c *checker) waves() {
	c.Helper()
	if c.plan.State.CancelsPending() {
		return
	}
	want := make([]plan.WaveCounters, len(c.plan.Waves))
	for i, t := range c.tasks {
		if len(want) > 0 {
			want[c.plan.WaveOf(i+1)-1].Move(task.Pending, t.State)
		}
	}
	if !slices.Equal(c.plan.WaveCounters, want) {
		c.Errorf("check of plan %s: the waves count %+v, the tasks %+v", c.id, c.plan.WaveCounters, want)
	}
	over := c.plan.WaveLeft() == 0 && (c.plan.Wave > 0 || len(want) == 0)
	if over == c.plan.WaveEndedAt.IsZero() {
		c.Errorf("check of plan %s: the open wave ended at %s, with %d tasks left", c.id, c.plan.WaveEndedAt, c.plan.WaveLeft())
	}
}

// counters compares the plan's counters with the tasks.
func (c *checker) counters() {
	c.Helper()
	var want plan.Counters
	var due time.Time
	for _, t := range c.tasks {
		want.States[t.State]++
		if t.Worker != "" {
			want.Held++
		}
		if t.Worker != "" && !t.State.InFlight() {
			c.Errorf("check: task %s is %s and held by %s", t.ID, t.State, t.Worker)
		}
		if t.Worker == "" {
			want.Unhold(t.Request, 1)
		}
		if t.Request != task.NoRequest && t.State != task.Running || t.Request == task.StartRequest && (t.Worker != "" || t.Waiting) {
			c.Errorf("check: task %s is %s, held by %q, waiting %t, with the request %s", t.ID, t.State, t.Worker, t.Waiting, t.Request)
		}
		if !t.Waiting {
			continue
		}
		want.Waiting++
		if t.Worker != "" || !t.State.InFlight() || t.Wait.Why == task.NoWait {
			c.Errorf("check: task %s is %s, held by %q, and waits: %+v", t.ID, t.State, t.Worker, t.Wait)
		}
		if due.IsZero() || t.Wait.Until.Before(due) {
			due = t.Wait.Until
		}
	}
	if c.plan.Counters != want {
		c.Errorf("check of plan %s: counters %+v, but the tasks are %+v", c.id, c.plan.Counters, want)
	}
	if !c.plan.NextDue.Equal(due) {
		c.Errorf("check of plan %s: the next task is due at %s, but of the tasks at %s", c.id, c.plan.NextDue, due)
	}
	if len(c.tasks) != c.plan.TaskCount {
		c.Errorf("check of plan %s: %d tasks, announced were %d", c.id, len(c.tasks), c.plan.TaskCount)
	}
}

// states compares the result of States with the tasks.
func (c *checker) states(ctx context.Context) {
	c.Helper()
	for after := 0; after < len(c.tasks); {
		page, err := c.s.States(ctx, c.id, after, 0)
		if err != nil || len(page) == 0 || len(page) > len(c.tasks)-after {
			c.Errorf("check of plan %s: %d states after %d of %d: %v", c.id, len(page), after, len(c.tasks), err)
			return
		}
		for i, s := range page {
			if t := c.tasks[after+i]; t.State != s {
				c.Errorf("check of task %s: its state alone is %s, the task is %s", t.ID, s, t.State)
			}
		}
		after += len(page)
	}
}

// tenants compares the result of Tenants with the tasks.
func (c *checker) tenants(ctx context.Context) {
	c.Helper()
	for after := 0; after < len(c.tasks); {
		page, err := c.s.Tenants(ctx, c.id, after, 0)
		if err != nil || len(page) == 0 || len(page) > len(c.tasks)-after {
			c.Errorf("check of plan %s: %d tenants after %d of %d: %v", c.id, len(page), after, len(c.tasks), err)
			return
		}
		for i, tenant := range page {
			if t := c.tasks[after+i]; t.Tenant.ID != tenant {
				c.Errorf("check of task %s: its tenant alone is %q, the task's is %q", t.ID, tenant, t.Tenant.ID)
			}
		}
		after += len(page)
	}
}

// orphans compares the result of Orphans with the tasks.
func (c *checker) orphans(ctx context.Context) {
	c.Helper()
	lost, err := c.s.Orphans(ctx, c.id)
	if err != nil {
		c.Errorf("check of plan %s: orphans: %v", c.id, err)
	}
	for _, h := range lost {
		o := h.Task.Ordinal()
		if h.Task.Plan() != c.id || o > len(c.tasks) {
			c.Errorf("check of plan %s: there is no task for orphan %+v", c.id, h)
		} else if t := c.tasks[o-1]; t.Worker != h.Worker || t.Token != h.Token {
			c.Errorf("check: orphan %+v, but the task is held by %q under %d", h, t.Worker, t.Token)
		}
	}
}

// replay reads all events and follows the states that they report.
func (c *checker) replay(ctx context.Context) {
	c.Helper()
	var last plan.Event
	after := int64(0)
	var own []plan.Event // the plan events
	r := replay{checker: c, whole: true, states: make([]task.State, len(c.tasks))}
	for {
		events, err := c.s.Events(ctx, c.id, after, 0)
		if trimmed := (*store.TrimmedError)(nil); errors.As(err, &trimmed) && after == 0 {
			r.whole, after = false, trimmed.First-1
			continue
		}
		if err != nil {
			c.Errorf("check of plan %s: events after %d: %v", c.id, after, err)
			return
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			if after++; e.Seq != after || e.Plan != c.id {
				c.Errorf("check of plan %s: event %d of plan %s where %d has to be", c.id, e.Seq, e.Plan, after)
				return
			}
			r.event(e)
			last = e
			if e.Task == 0 {
				own = append(own, e)
			}
		}
	}
	if after != c.plan.LastEvent {
		c.Errorf("check of plan %s: the last event is %d, the plan says %d", c.id, after, c.plan.LastEvent)
	}
	r.compare()
	c.rest(last)
	c.history(ctx, own)
}

// history compares the result of PlanEvents with the plan events in the log.
func (c *checker) history(ctx context.Context, kept []plan.Event) {
	c.Helper()
	var all []plan.Event
	for after := int64(0); ; after = all[len(all)-1].Seq {
		events, err := c.s.PlanEvents(ctx, c.id, after, 0)
		if err != nil {
			c.Errorf("check of plan %s: events of the plan after %d: %v", c.id, after, err)
			return
		}
		if len(events) == 0 {
			break
		}
		all = append(all, events...)
	}
	state := ""
	for i, e := range all {
		if e.Task != 0 || e.Plan != c.id || e.From != state || (i == 0) != (e.Seq == 1) {
			c.Errorf("check of plan %s: event %d of the plan, %s to %s where it is %q", c.id, e.Seq, e.From, e.To, state)
		}
		state = e.To
	}
	if same := all[max(0, len(all)-len(kept)):]; !reflect.DeepEqual(same, kept) && len(kept) > 0 {
		c.Errorf("check of plan %s: events of the plan %+v, in the log %+v", c.id, same, kept)
	}
}

// rest checks the AtRest mark of the last event. After that event, a command that wrote no event
// may have started the plan again or brought it to rest.
func (c *checker) rest(last plan.Event) {
	c.Helper()
	if last.AtRest && !c.plan.AtRest() && c.plan.Starting == nil {
		c.Errorf("check of plan %s: event %d says that it is at rest, but it is not", c.id, last.Seq)
	}
	if !last.AtRest && c.plan.AtRest() && last.From != last.To {
		c.Errorf("check of plan %s: it is at rest, but event %d does not say so", c.id, last.Seq)
	}
}

// replay is the state of plan and tasks according to the events so far.
type replay struct {
	*checker
	whole  bool // the replay began with the first event
	plan   string
	states []task.State
}

func (r *replay) event(e plan.Event) {
	r.Helper()
	if e.Task == 0 {
		r.planEvent(e)
		return
	}
	o := e.Task.Ordinal()
	if e.Task.Plan() != r.id || o > len(r.states) {
		r.Errorf("check of plan %s: event %d is about task %s", r.id, e.Seq, e.Task)
		return
	}
	t := r.tasks[o-1]
	if e.Tenant != t.Tenant.ID || e.Attempt > t.Attempt {
		r.Errorf("check of task %s: event %d has tenant %q, attempt %d; the task %q, %d",
			t.ID, e.Seq, e.Tenant, e.Attempt, t.Tenant.ID, t.Attempt)
	}
	to, err := task.ParseState(e.To)
	if err != nil {
		r.Errorf("check of task %s: event %d: %v", t.ID, e.Seq, err)
	}
	if r.whole && e.From != r.states[o-1].String() {
		r.Errorf("check of task %s: event %d is from %s, the task was %s", t.ID, e.Seq, e.From, r.states[o-1])
	}
	r.states[o-1] = to
}

func (r *replay) planEvent(e plan.Event) {
	r.Helper()
	if r.whole && e.From != r.plan {
		r.Errorf("check of plan %s: event %d is from %q, the plan was %q", r.id, e.Seq, e.From, r.plan)
	}
	r.plan = e.To
	s, err := plan.ParseState(e.To)
	if err != nil {
		r.Errorf("check of plan %s: event %d: %v", r.id, e.Seq, err)
	}
	if !s.CancelsPending() {
		return
	}
	for i, s := range r.states {
		if s == task.Pending {
			r.states[i] = task.Canceled
		}
	}
}

// compare compares the states after the last event with the current ones.
func (r *replay) compare() {
	r.Helper()
	if !r.whole {
		return
	}
	if r.plan != r.checker.plan.State.String() {
		r.Errorf("check of plan %s: the events lead to %s, the plan is %s", r.id, r.plan, r.checker.plan.State)
	}
	for i, s := range r.states {
		if t := r.tasks[i]; t.State != s {
			r.Errorf("check of task %s: the events lead to %s, the task is %s", t.ID, s, t.State)
		}
	}
}
