package storetest

import (
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// compare compares everything that can be read with the oracle.
func (m *machine) compare(rt *rapid.T) {
	p, tasks := m.read(rt)
	o := m.o
	if _, undos := o.undoable(); p.UndosExhausted && undos {
		rt.Fatal("no undo is said to be left, but there is one")
	}
	o.plan.UndosExhausted, o.now = p.UndosExhausted, p.Now
	if due := o.nextDue(); p.Now.IsZero() || !p.NextDue.Equal(due) {
		rt.Fatalf("the next task is due at %s at %s, want %s", p.NextDue, p.Now, due)
	}
	if p.State != o.plan.State || p.Version != o.plan.Version || p.Counters != o.plan.Counters || p.Breached != o.plan.Breached ||
		!sameGrant(p.Grant, o.plan.Grant) || p.Acknowledged != o.plan.Acknowledged || p.Undo != o.plan.Undo || p.PauseReasons != o.plan.PauseReasons ||
		!reflect.DeepEqual(p.Sweeps, o.plan.Sweeps) || (p.Starting == nil) != (o.plan.Starting == nil) || p.StartToken != o.plan.StartToken {
		rt.Fatalf("plan\n%+v\nwant\n%+v", p, o.plan)
	}
	m.compareWaves(rt, p)
	m.compareAddition(rt, p)
	m.compareRules(rt, p)
	for i := range tasks {
		m.compareTask(rt, tasks[i], &o.tasks[i])
	}
	m.compareStates(rt, tasks)
	events := m.events(rt)
	for i := range max(len(events), len(o.events)) {
		if i >= len(events) || i >= len(o.events) {
			rt.Fatalf("%d events, want %d", len(events), len(o.events))
		}
		if got, want := events[i], o.events[i]; brief(got) != brief(want) || got.Seq != want.Seq || got.Tenant != want.Tenant || got.Attempt != want.Attempt ||
			got.Wave != want.Wave || got.Added != want.Added {
			rt.Fatalf("event %d: %q\n%+v\nwant %q\n%+v", got.Seq, brief(got), got, brief(want), want)
		}
	}
}

func sameGrant(a, b strategy.Grant) bool {
	same := a.NotBefore.Equal(b.NotBefore) && a.NotAfter.Equal(b.NotAfter)
	a.NotBefore, a.NotAfter, b.NotBefore, b.NotAfter = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return same && a == b
}

// compareWaves compares the plan's waves, what it has passed between them, and its failure groups.
func (m *machine) compareWaves(rt *rapid.T, p plan.Plan) {
	want := &m.o.plan
	if p.Wave != want.Wave || p.Gate != want.Gate || !slices.Equal(p.Waves, want.Waves) || !slices.Equal(p.Approved, want.Approved) || !slices.Equal(p.Undone, want.Undone) ||
		!p.Tuning.Equal(want.Tuning) || !slices.Equal(p.WaveCounters, want.WaveCounters) || !slices.Equal(p.FailureGroups, want.FailureGroups) {
		rt.Fatalf("waves %+v, the open one is %d, gate %d, approved %d, counters %+v, tuning %+v, groups %+v;\nwant %+v, %d, gate %d, approved %d, %+v, %+v, %+v",
			p.Waves, p.Wave, p.Gate, p.Approved, p.WaveCounters, p.Tuning, p.FailureGroups,
			want.Waves, want.Wave, want.Gate, want.Approved, want.WaveCounters, want.Tuning, want.FailureGroups)
	}
	if err := m.o.learnEnd(p.WaveEndedAt); err != nil {
		rt.Fatal(err)
	}
}

// compareAddition compares the addition of tenants that is under way, and what it has stored.
func (m *machine) compareAddition(rt *rapid.T, p plan.Plan) {
	got, want := p.Adding, m.o.plan.Adding
	if p.TaskCount != m.o.plan.TaskCount || p.Added != m.o.plan.Added || p.Dropped != m.o.plan.Dropped ||
		(got == nil) != (want == nil) || got != nil && *got != *want {
		rt.Fatalf("%d tasks, added %d, dropped %d, %+v; want %d, %d, %d, %+v",
			p.TaskCount, p.Added, p.Dropped, got, m.o.plan.TaskCount, m.o.plan.Added, m.o.plan.Dropped, want)
	}
	if got == nil && len(m.o.tail) == 0 {
		return
	}
	var ids []string
	m.call(rt, func() (err error) { ids, err = m.store.Appended(m.ctx, m.id, p.TaskCount, 0); return err })
	if !slices.EqualFunc(ids, m.o.tail, func(id string, t task.Tenant) bool { return id == t.ID }) {
		rt.Fatalf("the tenants %q are stored, want %v", ids, m.o.tail)
	}
}

// compareRules compares Plan.Claimable and Plan.AtRest with what a claim would find. Claimable may
// report true although a claim would find no task, because the counters do not show which tasks
// wait for a worker or whether an undo is left. It must not report false if a claim would find a
// task.
func (m *machine) compareRules(rt *rapid.T, p plan.Plan) {
	allowed, required := m.o.allowed()
	if required && !p.Claimable() {
		rt.Fatalf("a claim finds one of %v, and the plan says that there is none:\n%+v", allowed, p)
	}
	unsure := p.Undo.Open || p.Undo.Stopping || !p.State.ClaimsRunning()
	if p.Claimable() && len(allowed) == 0 && !unsure {
		rt.Fatalf("a claim finds nothing, and the plan says that there is something:\n%+v", p)
	}
	if p.AtRest() && required && p.State != plan.Running {
		rt.Fatalf("the plan is at rest, and a claim finds one of %v:\n%+v", allowed, p)
	}
}

// compareTask compares one task. Its version must rise with every claim, command and change of
// state, may rise when the task is released, and must not rise otherwise.
func (m *machine) compareTask(rt *rapid.T, got task.Task, want *oracleTask) {
	rose := got.Version > want.Version
	if want.must && !rose || !want.must && !want.may && got.Version != want.Version {
		rt.Fatalf("task %s: version %d after %d; has to rise: %v, may: %v", got.ID, got.Version, want.Version, want.must, want.may)
	}
	want.Version, want.must, want.may = got.Version, false, false

	sameCheckpoint := (got.Checkpoint == nil) == (want.Checkpoint == nil)
	if sameCheckpoint && got.Checkpoint != nil {
		sameCheckpoint = got.Checkpoint.Step == want.Checkpoint.Step && string(got.Checkpoint.Data) == string(want.Checkpoint.Data)
	}
	if got.State != m.o.state(want) || got.Tenant.ID != want.Tenant.ID || got.Worker != want.Worker || got.Token != want.Token || got.Attempt != want.Attempt ||
		got.Request != want.Request || got.PausedIndividually != want.PausedIndividually || got.Losses != want.Losses ||
		got.Waiting != want.Waiting || got.Wait.Why != want.Wait.Why || !got.Wait.Until.Equal(want.Wait.Until) || got.Elapsed != want.Elapsed ||
		!sameCheckpoint || len(got.Undo) != len(want.Undo) || code(got.Failure) != code(want.Failure) || !slices.Equal(got.Attempts, want.Attempts) {
		rt.Fatalf("task\n%+v\nwant\n%+v", got, want.Task)
	}
}

// compareStates compares the result of States with the tasks.
func (m *machine) compareStates(rt *rapid.T, tasks []task.Task) {
	var states []task.State
	m.call(rt, func() (err error) { states, err = m.store.States(m.ctx, m.id, 0, 0); return err })
	same := func(s task.State, t task.Task) bool { return s == t.State }
	if !slices.EqualFunc(states, tasks, same) {
		rt.Fatalf("states %v of the tasks\n%+v", states, tasks)
	}
}

func code(f *task.FailureInfo) string {
	if f == nil {
		return ""
	}
	return f.ErrorCode
}
