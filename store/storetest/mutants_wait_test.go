package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// claimsEarly ends the wait of a task if a claim finds nothing.
type claimsEarly struct{ mutant }

func (m *claimsEarly) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	if err != nil || b.Claim.Max == 0 || len(b.Claimed) > 0 {
		return err
	}
	p, err1 := m.Plan(ctx, b.Plan)
	tasks, _, err2 := m.Tasks(ctx, b.Plan, store.TaskQuery{Unheld: true})
	i := slices.IndexFunc(tasks, func(t task.Task) bool { return t.Waiting && t.State == task.Running })
	if err := errors.Join(err1, err2); err != nil || i < 0 {
		return err
	}
	e := edited(tasks[i], task.Running)
	e.Wait.Until = p.Now
	c := store.Command{ID: fmt.Sprint("early", m.fresh()), Version: p.Version, Failed: -1}
	c.Decision = plan.Decision{Plan: p, Edits: []task.Edit{e}}
	if _, err := m.Apply(ctx, c); err != nil {
		return err
	}
	again := store.Batch{Plan: b.Plan, Claim: b.Claim}
	err = m.Store.Commit(ctx, &again)
	b.Claimed, b.View = again.Claimed, again.View
	return err
}

// claimsStopping claims undos that are being stopped.
type claimsStopping struct{ mutant }

func (m *claimsStopping) Commit(ctx context.Context, b *store.Batch) error {
	p, err := m.Plan(ctx, b.Plan)
	if err != nil || !p.Undo.Stopping || b.Claim.Max == 0 {
		return errors.Join(err, m.Store.Commit(ctx, b))
	}
	for _, stops := range []bool{false, true} {
		p.Undo.Stopping = stops
		c := store.Command{ID: fmt.Sprint("stops", m.fresh()), Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p}}
		a, err := m.Apply(ctx, c)
		if err != nil {
			return err
		}
		if p = a.Plan; !stops {
			err = m.Store.Commit(ctx, b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// keepsNoSlot takes a Defer for a Yield.
type keepsNoSlot struct{ mutant }

func (m *keepsNoSlot) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		if w := &b.Changes[i]; w.Kind == store.Defer {
			w.Kind = store.Yield
		}
	}
	return m.Store.Commit(ctx, b)
}

// forgetsPausedWaits drops the wait of a task that is paused.
type forgetsPausedWaits struct{ mutant }

func (m *forgetsPausedWaits) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	for i := range c.Edits {
		if e := &c.Edits[i]; e.State == task.Paused {
			e.Wait = task.Wait{}
		}
	}
	return m.Store.Apply(ctx, c)
}

// cutsResumedWaits lets a task that is resumed begin before its wait is over.
type cutsResumedWaits struct{ mutant }

func (m *cutsResumedWaits) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	for i := range c.Edits {
		if e := &c.Edits[i]; e.State == task.Running && e.Wait.Why != task.NoWait {
			e.Wait.Until = c.Plan.Now.Add(-time.Second)
		}
	}
	return m.Store.Apply(ctx, c)
}

// bindsDueToSlots claims what is due only while a slot is free.
type bindsDueToSlots struct{ mutant }

func (m *bindsDueToSlots) Commit(ctx context.Context, b *store.Batch) error {
	first := store.Batch{Plan: b.Plan, Changes: b.Changes}
	if err := m.Store.Commit(ctx, &first); err != nil {
		return err
	}
	p, err := m.Plan(ctx, b.Plan)
	rest := store.Batch{Plan: b.Plan, Claim: b.Claim}
	full := p.Counters.Slots() >= p.Grant.MaxSlots
	if full {
		rest.Claim = store.Claim{}
	}
	err = errors.Join(err, m.Store.Commit(ctx, &rest))
	b.Claimed, b.View = rest.Claimed, rest.View
	b.View.Claimable = b.View.Claimable && !full
	return err
}

// undosWait lets an undo wait for any reason.
type undosWait struct{ mutant }

func (m *undosWait) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		w := &b.Changes[i]
		if t, err := m.Task(ctx, w.Task); err == nil && t.State == task.RollingBack && w.Kind == store.Defer {
			w.Wait = task.WaitHold
		}
	}
	return m.Store.Commit(ctx, b)
}

// stopsNoWait defers a task although it is asked to stop.
type stopsNoWait struct{ mutant }

func (m *stopsNoWait) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		w := &b.Changes[i]
		t, err := m.Task(ctx, w.Task)
		if err != nil || w.Kind != store.Defer || t.Request != task.PauseRequest || t.Token != w.Token {
			continue
		}
		p, err := m.Plan(ctx, b.Plan)
		d, err2 := p.ResumeTask(t, by())
		_, err3 := m.Apply(ctx, store.Command{ID: fmt.Sprint("go", m.fresh()), Version: p.Version, Failed: -1, Decision: d})
		if err := errors.Join(err, err2, err3); err != nil {
			return err
		}
	}
	return m.Store.Commit(ctx, b)
}

// countsNoTime stores no elapsed time.
type countsNoTime struct{ mutant }

func (m *countsNoTime) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		b.Changes[i].Elapsed = max(-1, min(0, b.Changes[i].Elapsed))
	}
	return m.Store.Commit(ctx, b)
}

// tellsNoTime does not say when the next task is due.
type tellsNoTime struct{ mutant }

func (m *tellsNoTime) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	b.View.NextDue = time.Time{}
	return err
}

// latestFirst claims the task that was due last first.
type latestFirst struct{ mutant }

func (m *latestFirst) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	slices.Reverse(b.Claimed)
	return err
}
