package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Model runs random operations of workers, operators and engines on one plan, in the store and in
// an obviously correct model of it: also on plans with waves, bakes, approvals and windows, that
// are tuned and get further tenants. After each operation it compares everything that can be read.
// Calls that fail temporarily are repeated, so a [Faulty] store must pass as well. A failure prints
// the operations and a seed; the flags of package rapid repeat the run (-rapid.seed) or run more
// (-rapid.checks).
func Model(t *testing.T, h Harness) {
	t.Helper()
	model(t, h)
}

func model(t testing.TB, h Harness) {
	t.Helper()
	rapid.Check(t, func(rt *rapid.T) {
		m := newMachine(t, rt, h)
		rt.Repeat(map[string]func(*rapid.T){
			"":         m.compare,
			"claim":    m.claim,
			"work":     m.work,
			"works":    m.changes,
			"again":    m.again,
			"plan":     m.planCommand,
			"task":     m.taskCommand,
			"tasks":    m.tasksCommand,
			"engine":   m.engine,
			"late":     m.late,
			"waiter":   m.waiter,
			"tries":    m.tries,
			"reclaims": m.reclaim,
			"onward":   m.onward,
			"gate":     m.gate,
			"edge":     m.edge,
			"clock":    m.clock,
			"add":      m.add,
			"agenda":   func(rt *rapid.T) { m.seen.step(m.ctx, rt, m.id, m.call) },
		})
	})
}

// machine is the state of one run.
type machine struct {
	ctx   context.Context //nolint:containedctx // the test's
	store store.Store
	seen  *onAgenda // the store is it
	id    plan.ID
	o     *oracle

	jobs    []*job        // all claims of tasks so far
	batches []store.Batch // all batches sent so far
	sent    []store.Command
	waiting []store.Command // decided but not sent yet
	ids     int
	calm    bool // nobody stops the plan
	chooses bool // claims choose their pending tasks
}

// newMachine creates a random plan and starts it.
func newMachine(t testing.TB, rt *rapid.T, h Harness) *machine {
	t.Helper()
	watched := &onAgenda{Store: h.New(t)}
	m := &machine{ctx: t.Context(), store: watched, seen: watched, calm: rapid.Bool().Draw(rt, "calm"), chooses: rapid.IntRange(0, 3).Draw(rt, "chooses") == 0}
	n := rapid.IntRange(1, 6).Draw(rt, "tasks")
	s, waves := drawStrategy(rt, n)
	var c store.Creation
	m.call(rt, func() (err error) {
		c, err = m.store.BeginCreate(m.ctx, store.Create{
			Plan: plan.Plan{Name: "plan", ExecutorType: "X", TaskCount: n, Strategy: s, Control: plan.Control{Waves: waves}, IdempotencyKey: "key"},
			Mark: "mark", TTL: time.Minute,
		})
		return err
	})
	m.call(rt, func() error { return m.store.AddTenants(m.ctx, c, 1, tenants(1, n)) })
	m.call(rt, func() error { return m.store.FinishCreate(m.ctx, c) })
	m.id = c.ID
	p, list := m.read(rt)
	m.o = newOracle(p, list)
	m.o.events = m.events(rt)
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, by()) })
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) { return p.Start(by()) })
	return m
}

// try repeats a call until it succeeds or fails with an error that is not temporary.
func (m *machine) try(rt *rapid.T, f func() error) error {
	for range 1000 {
		if err := f(); !store.Temporary(err) {
			return err
		}
	}
	rt.Fatal("the store never answers")
	return nil
}

// call is try for a call that must succeed.
func (m *machine) call(rt *rapid.T, f func() error) {
	if err := m.try(rt, f); err != nil {
		rt.Fatalf("unexpected error: %v", err)
	}
}

func (m *machine) unique(prefix string) string {
	m.ids++
	return fmt.Sprintf("%s-%d", prefix, m.ids)
}

func (m *machine) read(rt *rapid.T) (p plan.Plan, tasks []task.Task) {
	m.call(rt, func() (err error) { p, err = m.store.Plan(m.ctx, m.id); return err })
	return p, m.tasks(rt)
}

func (m *machine) tasks(rt *rapid.T) (tasks []task.Task) {
	m.call(rt, func() (err error) { tasks, _, err = m.store.Tasks(m.ctx, m.id, store.TaskQuery{}); return err })
	return tasks
}

func (m *machine) events(rt *rapid.T) (events []plan.Event) {
	m.call(rt, func() (err error) { events, err = m.store.Events(m.ctx, m.id, 0, 0); return err })
	return events
}

// claim claims tasks.
func (m *machine) claim(rt *rapid.T) { m.commit(rt, store.Batch{Claim: m.newClaim(rt)}) }

func (m *machine) newClaim(rt *rapid.T) store.Claim {
	c := store.Claim{
		ID:     m.unique("claim"),
		Worker: rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "worker"),
		Max:    rapid.IntRange(1, 4).Draw(rt, "max"),
	}
	if m.chooses {
		c.Chosen, c.RaiseTokens = true, rapid.Bool().Draw(rt, "raise tokens")
		c.Pending = rapid.SliceOfN(rapid.IntRange(1, len(m.o.tasks)+1), 0, 4).Draw(rt, "pending")
	}
	return c
}

// work commits one change of a worker, possibly of a worker that lost its task.
func (m *machine) work(rt *rapid.T) {
	if len(m.jobs) == 0 {
		rt.Skip("nobody has claimed anything")
	}
	m.commit(rt, store.Batch{Changes: []store.Change{m.newWork(rt, m.anyJob(rt))}})
}

// anyJob picks a claimed task, preferring later claims.
func (m *machine) anyJob(rt *rapid.T) *job {
	back := rapid.IntRange(0, min(7, len(m.jobs)-1)).Draw(rt, "job")
	return m.jobs[len(m.jobs)-1-back]
}

func (m *machine) newWork(rt *rapid.T, j *job) store.Change {
	kinds := []store.ChangeKind{store.Save, store.Yield, store.Complete, store.Fail, store.Defer}
	if m.o.tasks[j.ID.Ordinal()-1].State == task.RollingBack {
		kinds = []store.ChangeKind{store.Save, store.Yield, store.Undone, store.UndoFail, store.Defer}
	}
	w := j.work(rapid.SampledFrom(kinds).Draw(rt, "kind"))
	w.Elapsed = time.Duration(rapid.SampledFrom([]int{0, 1_999, 60_000_000}).Draw(rt, "elapsed")) * time.Microsecond
	if rapid.IntRange(0, 9).Draw(rt, "wrong kind") == 0 {
		w.Kind = rapid.SampledFrom([]store.ChangeKind{store.Complete, store.Undone}).Draw(rt, "kind")
		w.Failure = nil
	}
	switch w.Kind {
	case store.Defer:
		// An undo must not wait for the other reasons. Whether a wait is over must not depend on
		// how long the run takes.
		w.Wait = rapid.SampledFrom([]task.WaitReason{task.WaitHold, task.WaitHold, task.WaitBackoff, task.WaitProving}).Draw(rt, "why")
		w.After = rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(rt, "after")
		if w.Wait == task.WaitBackoff || rapid.Bool().Draw(rt, "error") {
			w.Failure = &task.FailureInfo{ErrorCode: fmt.Sprint("DEFERRED", w.Seq)}
		}
	case store.Save:
		w.Step, w.Data = fmt.Sprint("step ", w.Seq), fmt.Appendf(nil, "%d", m.ids)
		w.UndoStep = rapid.SampledFrom([]string{"", "A", "B"}).Draw(rt, "undo")
		w.UndoData = []byte("1")
	case store.Yield:
		if rapid.Bool().Draw(rt, "error") {
			w.Failure = &task.FailureInfo{ErrorCode: "YIELDED"}
		}
	case store.Fail, store.UndoFail:
		// Each text in the place of the other makes another group, also cut at another place.
		cause := rapid.SampledFrom([][2]string{{"BROKEN", "A"}, {"BROKEN", "A"}, {"A", "BROKEN"}, {"BROKEN\tA", ""}, {"BROKEN", ""}}).Draw(rt, "cause")
		w.Failure.ErrorCode, w.Failure.Step = cause[0], cause[1]
	case store.Complete, store.Undone:
	}
	if w.Failure != nil && rapid.IntRange(0, 3).Draw(rt, "without its attempt") > 0 {
		w.Attempts = j.Tried(w.Failure)
	}
	return w
}

// changes commits changes of several tasks, together with a claim.
func (m *machine) changes(rt *rapid.T) {
	var b store.Batch
	seen := make(map[task.ID]bool)
	for _, j := range slices.Backward(m.jobs) {
		if !seen[j.ID] && rapid.Bool().Draw(rt, "take part") {
			b.Changes = append(b.Changes, m.newWork(rt, j))
		}
		seen[j.ID] = true
	}
	b.Claim = m.newClaim(rt)
	m.commit(rt, b)
}

// again repeats a batch of changes.
func (m *machine) again(rt *rapid.T) {
	if len(m.batches) == 0 {
		rt.Skip("nothing was sent")
	}
	b := rapid.SampledFrom(m.batches[max(0, len(m.batches)-5):]).Draw(rt, "batch")
	m.commit(rt, store.Batch{Changes: slices.Clone(b.Changes)})
}

// reclaim repeats a claim of which some tasks are still held.
func (m *machine) reclaim(rt *rapid.T) {
	var claims []store.Claim
	for _, b := range m.batches {
		if slices.ContainsFunc(m.o.tasks, func(t oracleTask) bool { return t.claim != "" && t.claim == b.Claim.ID }) {
			claims = append(claims, b.Claim)
		}
	}
	if len(claims) == 0 {
		rt.Skip("nothing is held")
	}
	b := store.Batch{Plan: m.id, Claim: rapid.SampledFrom(claims).Draw(rt, "claim")}
	m.call(rt, func() error { return m.store.Commit(m.ctx, &b) })
	want := 0
	for i := range m.o.tasks {
		t := &m.o.tasks[i]
		if t.claim != b.Claim.ID {
			continue
		}
		want++
		if !slices.ContainsFunc(b.Claimed, func(g task.Task) bool { return g.ID == t.ID && g.Token == t.Token }) {
			rt.Fatalf("claim %s does not have task %s again: %v", t.claim, t.ID, b.Claimed)
		}
	}
	if len(b.Claimed) != want {
		rt.Fatalf("claim %s has %d tasks again, holds %d", b.Claim.ID, len(b.Claimed), want)
	}
}

// commit sends a batch and applies it to the oracle.
func (m *machine) commit(rt *rapid.T, b store.Batch) {
	b.Plan = m.id
	sent := b
	sent.Changes = slices.Clone(b.Changes)
	m.batches = append(m.batches, sent)
	m.call(rt, func() error { return m.store.Commit(m.ctx, &b) })
	before, since := len(m.o.events), m.o.now
	for i, w := range sent.Changes {
		want, got := m.o.work(w), b.Changes[i]
		if !sameError(got.Err, want.Err) || want.Err == nil && (got.State != want.State || got.Stop != want.Stop) {
			rt.Fatalf("work %+v answered %v, %s, %s; want %v, %s, %s",
				w, got.Err, got.State, got.Stop, want.Err, want.State, want.Stop)
		}
	}
	var tasks []task.Task
	if m.o.learns() {
		tasks = m.tasks(rt)
	}
	again, err := m.o.learn(b.View.Now, tasks)
	if err != nil {
		rt.Fatal(err)
	}
	if b.Claim.Max > 0 {
		m.o.since = since
		claimed := len(m.o.events)
		err := m.o.claim(b.Claim, b.Claimed, again)
		m.o.since = time.Time{}
		if err = errors.Join(err, m.o.begin(m.o.events[claimed:])); err != nil {
			rt.Fatalf("claim %s: %v", b.Claim.ID, err)
		}
		for _, t := range b.Claimed {
			m.jobs = append(m.jobs, &job{Task: t})
		}
	}
	m.o.end(before, since)
	m.view(rt, b)
	m.explain(rt, b)
}

// explain checks that plan.Plan.Explain says of tasks that were claimed that they might be, and of
// no other task if a claim took less than it was asked for.
func (m *machine) explain(rt *rapid.T, b store.Batch) {
	p, tasks := m.read(rt)
	p.Now = b.View.Now // the claim's: a window may have opened since
	for _, t := range tasks {
		if b.Claim.Chosen && t.State == task.Pending {
			continue // it may start, by a claim that chooses it
		}
		r := p.Explain(t)
		if r.Code == plan.ReasonUnclear || r.Code == plan.ReasonMayStart && len(b.Claimed) < b.Claim.Max {
			rt.Fatalf("task %s in %s of a plan in %s is %s after a claim of %d that took %d: %+v\n%+v",
				t.ID, t.State, p.State, r.Code, b.Claim.Max, len(b.Claimed), t, p)
		}
	}
}

func sameError(got, want error) bool {
	if errors.Is(want, errImpossible) {
		return got != nil
	}
	return errors.Is(got, want)
}

// view compares the view that a commit returned with the oracle.
func (m *machine) view(rt *rapid.T, b store.Batch) {
	v, p := b.View, m.o.plan
	if v.State != p.State || v.Version != p.Version || v.Counters != p.Counters || v.Breached != p.Breached {
		rt.Fatalf("view %+v; want %s, version %d, %+v, breached: %v", v, p.State, p.Version, p.Counters, p.Breached)
	}
	if due := m.o.nextDue(); v.Now.IsZero() || !v.NextDue.Equal(due) {
		rt.Fatalf("the next task is due at %s at %s, want %s", v.NextDue, v.Now, due)
	}
	allowed, required := m.o.allowed()
	if v.Claimable != required && (required || len(allowed) == 0) {
		rt.Fatalf("claimable: %v; left are %v", v.Claimable, allowed)
	}
	if _, undos := m.o.undoable(); v.UndosExhausted && undos {
		rt.Fatal("no undo is said to be left, but there is one")
	}
	if p.Undo.Open && p.State == plan.RollingBack && len(b.Claimed) < b.Claim.Max && p.Counters.Slots() < p.Grant.MaxSlots && !v.UndosExhausted {
		rt.Fatal("a claim found no undo, but some are said to be left")
	}
}
