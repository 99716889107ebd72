package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

type noCompare struct{ mutant }

func (m *noCompare) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	p, err := m.Plan(ctx, c.Plan.ID)
	if err != nil {
		return store.Applied{}, err
	}
	c.Version = p.Version
	return m.Store.Apply(ctx, c)
}

type noTokens struct{ mutant }

func (m *noTokens) Commit(ctx context.Context, b *store.Batch) error {
	if err := m.Store.Commit(ctx, b); err != nil {
		return err
	}
	for i, w := range b.Changes {
		if t, err := m.Task(ctx, w.Task); err == nil && errors.Is(w.Err, store.ErrFenced) {
			w.Token, w.Seq = t.Token, 1000+m.fresh()
			again := store.Batch{Plan: b.Plan, Changes: []store.Change{w}}
			err = m.Store.Commit(ctx, &again)
			b.Changes[i].Err = errors.Join(err, again.Changes[0].Err)
		}
	}
	return nil
}

type stopsEarly struct{ mutant }

func (m *stopsEarly) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		one := store.Batch{Plan: b.Plan, Changes: b.Changes[i : i+1]}
		if err := m.Store.Commit(ctx, &one); err != nil {
			return err
		}
		if b.Changes[i].Err != nil {
			break
		}
	}
	rest := store.Batch{Plan: b.Plan, Claim: b.Claim}
	err := m.Store.Commit(ctx, &rest)
	b.Claimed, b.View = rest.Claimed, rest.View
	return err
}

type neverStops struct{ mutant }

func (m *neverStops) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	for i := range b.Changes {
		b.Changes[i].Stop = task.Go
	}
	return err
}

type losesUndo struct{ mutant }

func (m *losesUndo) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		b.Changes[i].UndoStep = ""
	}
	return m.Store.Commit(ctx, b)
}

type miscounts struct{ mutant }

func (m *miscounts) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	p, err := m.Store.Plan(ctx, id)
	if p.Counters.Of(task.Completed) > 0 {
		p.Counters.Move(task.Completed, task.Skipped)
	}
	return p, err
}

type worksAgain struct{ mutant }

func (m *worksAgain) Commit(ctx context.Context, b *store.Batch) error {
	for i := range b.Changes {
		b.Changes[i].Seq = m.fresh()
	}
	return m.Store.Commit(ctx, b)
}

type obeysAgain struct{ mutant }

func (m *obeysAgain) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	c.ID = fmt.Sprint("fresh", m.fresh())
	return m.Store.Apply(ctx, c)
}

type claimsAgain struct{ mutant }

func (m *claimsAgain) Commit(ctx context.Context, b *store.Batch) error {
	if b.Claim.ID != "" {
		b.Claim.ID = fmt.Sprint("fresh", m.fresh())
	}
	return m.Store.Commit(ctx, b)
}

// closesLate claims before it checks for failures.
type closesLate struct{ mutant }

func (m *closesLate) Commit(ctx context.Context, b *store.Batch) error {
	before := store.Batch{Plan: b.Plan, Claim: b.Claim}
	if err := m.Store.Commit(ctx, &before); err != nil {
		return err
	}
	claim := b.Claim
	b.Claim = store.Claim{}
	err := m.Store.Commit(ctx, b)
	b.Claim, b.Claimed = claim, before.Claimed
	return err
}

// handsOutTwice answers a second claim with the tasks of the previous claim.
type handsOutTwice struct {
	mutant
	last atomic.Pointer[[]task.Task]
}

func (m *handsOutTwice) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	if last := m.last.Load(); b.Claim.Max > 0 && m.fresh()%5 == 0 && last != nil {
		b.Claimed = slices.Clone(*last)
	} else if len(b.Claimed) > 0 {
		kept := slices.Clone(b.Claimed)
		m.last.Store(&kept)
	}
	return err
}

// ownTokens issues smaller tokens for later plans.
type ownTokens struct{ mutant }

func (m *ownTokens) Commit(ctx context.Context, b *store.Batch) error {
	off := task.Token(b.Plan) << 40
	for i := range b.Changes {
		b.Changes[i].Token += off
	}
	err := m.Store.Commit(ctx, b)
	for i := range b.Changes {
		b.Changes[i].Token -= off
	}
	for i := range b.Claimed {
		b.Claimed[i].Token -= off
	}
	return err
}

// raisesNone ignores RaiseTokens, and its clock stands still.
type raisesNone struct{ mutant }

func (m *raisesNone) set(store.Store) {
	at := time.Now()
	m.mutant.set(memstore.NewWith(memstore.Config{Clock: func() time.Time { return at }}))
}

func (m *raisesNone) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	c.RaiseTokens = false
	return m.Store.Apply(ctx, c)
}

type neverStrict struct{ mutant }

func (m *neverStrict) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	c.Plan.Grant.Strict = false
	return m.Store.Apply(ctx, c)
}

// forgetsSkipping does not keep that a start has skipped tasks, and so cannot be given up.
func forgetsSkipping(c *store.Command) {
	if s := c.Plan.Starting; s != nil {
		c.Plan.Starting = &plan.Starting{Token: s.Token, TTL: s.TTL, Actor: s.Actor, Reason: s.Reason}
	}
}

// forgetsHolders keeps no failure of a task that is skipped.
func forgetsHolders(c *store.Command) {
	for i := range c.Edits {
		if c.Edits[i].State == task.Skipped {
			c.Edits[i].Failure = nil
		}
	}
}
