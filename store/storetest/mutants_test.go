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

// mutant is the common part of the broken stores.
type mutant struct {
	store.Store
	n atomic.Uint32 // makes values that must be unique
}

func (m *mutant) set(s store.Store) { m.Store = s }

func (m *mutant) fresh() uint32 { return m.n.Add(1) }

// wrap makes a broken store of type M over s.
func wrap[M any, P interface {
	*M
	store.Store
	set(s store.Store)
}](s store.Store) store.Store {
	m := P(new(M))
	m.set(s)
	return m
}

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

// handsOutTwice answers a second claim with the tasks of the one before.
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

type leasesComeBack struct{ mutant }

func (m *leasesComeBack) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := m.Join(ctx, incarnation, ttl); err != nil {
		return nil, err
	}
	return m.Store.Heartbeat(ctx, incarnation, ttl, plans)
}

type livingOrphans struct{ mutant }

func (m *livingOrphans) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	tasks, _, err := m.Tasks(ctx, id, store.TaskQuery{})
	var held []store.Holding
	for _, t := range tasks {
		if t.Worker != "" {
			held = append(held, store.Holding{Task: t.ID, Token: t.Token, Worker: t.Worker})
		}
	}
	return held, err
}

type halfHeld struct{ mutant }

func (m *halfHeld) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	held, err := m.Store.Heartbeat(ctx, incarnation, ttl, plans)
	return held[:len(held)/2], err
}

type freesAny struct{ mutant }

func (m *freesAny) Release(ctx context.Context, locks []store.TenantLock) error {
	held, err := m.Reserve(ctx, locks)
	return errors.Join(err, m.Store.Release(ctx, locks), m.Store.Release(ctx, held))
}

type replacesAny struct{ mutant }

func (m *replacesAny) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	held, err := m.Reserve(ctx, []store.TenantLock{old})
	if err != nil || len(held) == 0 {
		return err == nil, err
	}
	return m.Store.Replace(ctx, held[0], next)
}

// countsNothing finishes a creation with invented tenants.
type countsNothing struct{ mutant }

func (m *countsNothing) FinishCreate(ctx context.Context, c store.Creation) error {
	err := m.Store.FinishCreate(ctx, c)
	for o := 1; o <= 10 && errors.Is(err, store.ErrConflict); o++ {
		_ = m.AddTenants(ctx, c, o, tenants(o, 1)) // tenants that exist already are refused
		err = m.Store.FinishCreate(ctx, c)
	}
	return err
}

type sameContent struct{ mutant }

func (m *sameContent) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	c.Hash = ""
	return m.Store.BeginCreate(ctx, c)
}

// beginsAnew does not recognize a creator that repeats its call.
type beginsAnew struct{ mutant }

func (m *beginsAnew) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	c.Mark = fmt.Sprint("fresh", m.fresh())
	return m.Store.BeginCreate(ctx, c)
}

// oneCreator does not distinguish creators.
type oneCreator struct{ mutant }

func (m *oneCreator) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	c.Mark = "everybody"
	return m.Store.BeginCreate(ctx, c)
}

type removesAny struct{ mutant }

func (m *removesAny) Remove(ctx context.Context, id plan.ID) (bool, error) {
	more, err := m.Store.Remove(ctx, id)
	if errors.Is(err, store.ErrConflict) {
		err = nil
	}
	return more, err
}

type restsAny struct{ mutant }

func (m *restsAny) Reschedule(ctx context.Context, id plan.ID, _ uint64, after time.Duration) error {
	due, err := m.Due(ctx, 1000)
	for _, d := range due {
		if d.ID == id {
			return m.Store.Reschedule(ctx, id, d.Stamp, after)
		}
	}
	return err
}

type neverDue struct{ mutant }

func (m *neverDue) Due(context.Context, int) ([]store.DuePlan, error) { return nil, nil }

type eventGap struct{ mutant }

func (m *eventGap) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	events, err := m.Store.Events(ctx, id, after, limit)
	return slices.DeleteFunc(events, func(e plan.Event) bool { return e.Seq == 3 }), err
}

type ownOfAll struct{ mutant }

func (m *ownOfAll) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return m.Events(ctx, id, after, limit)
}

type ownBeginLate struct{ mutant }

func (m *ownBeginLate) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return m.Store.PlanEvents(ctx, id, max(1, after), limit)
}

type neverAhead struct{ mutant }

func (m *neverAhead) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	events, err := m.Store.Events(ctx, id, after, limit)
	if errors.Is(err, store.ErrEventsAhead) {
		return nil, nil
	}
	return events, err
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

type restless struct{ mutant }

func (m *restless) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	events, err := m.Store.Events(ctx, id, after, limit)
	for i := range events {
		events[i].AtRest = false
	}
	return events, err
}

type sharedCursors struct{ mutant }

func (m *sharedCursors) Cursor(ctx context.Context, id plan.ID, name, _ string, ttl time.Duration) (int64, error) {
	return m.Store.Cursor(ctx, id, name, "everybody", ttl)
}

func (m *sharedCursors) MoveCursor(ctx context.Context, id plan.ID, name, _ string, seq int64) error {
	return m.Store.MoveCursor(ctx, id, name, "everybody", seq)
}

type longPages struct{ mutant }

func (m *longPages) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	tasks, next, err := m.Store.Tasks(ctx, id, q)
	if next != 0 {
		more, after, err := m.Store.Tasks(ctx, id, store.TaskQuery{After: next, States: q.States, Unheld: q.Unheld, Limit: q.Limit})
		return append(tasks, more...), after, err
	}
	return tasks, next, err
}

type stillPending struct{ mutant }

func (m *stillPending) Task(ctx context.Context, id task.ID) (task.Task, error) {
	t, err := m.Store.Task(ctx, id)
	if t.State == task.Canceled && t.Attempt == 0 {
		t.State = task.Pending
	}
	return t, err
}

// anyPage replaces an impossible page with the nearest possible one.
type anyPage struct{ mutant }

func (m *anyPage) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	return m.Store.States(ctx, id, max(0, after), min(max(0, limit), store.MaxStates))
}

// statesOffByOne begins every page but the first one task too late.
type statesOffByOne struct{ mutant }

func (m *statesOffByOne) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	if after > 0 {
		after++
	}
	return m.Store.States(ctx, id, after, limit)
}

type statesAsStored struct{ mutant }

func (m *statesAsStored) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	states, err := m.Store.States(ctx, id, after, limit)
	for i, s := range states {
		if t, err := m.Task(ctx, task.NewID(id, max(0, after)+1+i)); err == nil && s == task.Canceled && t.Attempt == 0 {
			states[i] = task.Pending
		}
	}
	return states, err
}

type longStates struct{ mutant }

func (m *longStates) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	states, err := m.Store.States(ctx, id, after, limit)
	if len(states) == store.MaxStates {
		more, _ := m.Store.States(ctx, id, after+len(states), limit)
		states = append(states, more...)
	}
	return states, err
}

type ignoresContext struct{ mutant }

func (m *ignoresContext) Commit(ctx context.Context, b *store.Batch) error {
	return m.Store.Commit(context.WithoutCancel(ctx), b)
}

type alwaysTemporary struct{ mutant }

func (m *alwaysTemporary) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	p, err := m.Store.Plan(ctx, id)
	if err != nil {
		err = &store.TemporaryError{Err: err}
	}
	return p, err
}
