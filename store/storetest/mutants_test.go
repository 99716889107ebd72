package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
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

type leasesComeBack struct{ mutant }

func (m *leasesComeBack) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := m.Join(ctx, incarnation, ttl, store.Process{}); err != nil {
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
		_ = m.AddTenants(ctx, c, o, tenants(o, 1)) // tenants that already exist are refused
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

func (m *restsAny) Reschedule(ctx context.Context, id plan.ID, _ uint64, next store.Next) error {
	due, err := m.Due(ctx, []string{next.Executor}, 1000)
	for _, d := range due {
		if d.ID == id {
			return m.Store.Reschedule(ctx, id, d.Stamp, next)
		}
	}
	return err
}

type neverDue struct{ mutant }

func (m *neverDue) Due(context.Context, []string, int) ([]store.DuePlan, error) { return nil, nil }

type neverLate struct{ mutant }

func (m *neverLate) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	due, err := m.Store.Due(ctx, executors, limit)
	for i := range due {
		due[i].Late = 0
	}
	return due, err
}

// leavesToNobody forgets to which executor a plan was left.
type leavesToNobody struct{ mutant }

func (m *leavesToNobody) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	next.Executor = ""
	return m.Store.Reschedule(ctx, id, stamp, next)
}

// leavesToAll leaves every plan to everybody.
type leavesToAll struct{ mutant }

func (m *leavesToAll) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	if next.Executor != "" {
		next.After = 0
	}
	return m.Store.Reschedule(ctx, id, stamp, next)
}

// keepsWhatIsLeft does not take a plan back from an executor.
type keepsWhatIsLeft struct {
	mutant
	mu   sync.Mutex
	left map[plan.ID]string
}

func (m *keepsWhatIsLeft) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == nil {
		m.left = make(map[plan.ID]string)
	}
	if next.Executor == "" {
		next.Executor = m.left[id]
	}
	m.left[id] = next.Executor
	return m.Store.Reschedule(ctx, id, stamp, next)
}

// leftLast puts the plans that were left to executors behind those that are due for all.
type leftLast struct{ mutant }

func (m *leftLast) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	due, err := m.Store.Due(ctx, nil, limit)
	for _, x := range executors {
		left, err2 := m.Store.Due(ctx, []string{x}, limit)
		err = errors.Join(err, err2)
		for _, p := range left {
			if !slices.ContainsFunc(due, func(d store.DuePlan) bool { return d.ID == p.ID }) {
				due = append(due, p)
			}
		}
	}
	return due[:min(len(due), cmp.Or(limit, store.MaxPage))], err
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
