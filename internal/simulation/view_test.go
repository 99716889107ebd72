package simulation

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

var (
	errLost = errors.New("connection lost")
	errDead = errors.New("this process is dead")
)

// view is one process's way to the store, and everything that can go wrong on it.
// storetest.Faulty loses and delays calls too; here each takes its time both ways,
// requests also arrive after they were given up, and a process stands still or is cut
// off with its executors.
type view struct {
	p *process
	s store.Store

	mu   sync.Mutex
	dice *rand.Rand
}

func newView(p *process) *view {
	return &view{p: p, s: p.w.store, dice: p.w.dice("view", p.name)}
}

// weather is what happens to one call.
type weather struct {
	there, back time.Duration
	lostThere   bool
	lostBack    bool
	late        time.Duration // 0 if it does not arrive late
}

func (v *view) weather() weather {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, r := v.p.w.temper, v.dice
	x := weather{there: during(r, 3*time.Millisecond), back: during(r, 3*time.Millisecond)}
	lost, late, slow, hiccup := r.Float64(), r.Float64(), r.Float64(), r.IntN(8) == 0
	if v.p.w.calm.Load() {
		return x
	}
	if hiccup {
		x.there, x.back = during(r, t.Hiccup), during(r, t.Hiccup)
	}
	switch {
	case slow < t.Slow/2:
		x.there = during(r, 2*leaseTTL)
	case slow < t.Slow:
		x.back = during(r, 2*leaseTTL)
	}
	switch {
	case lost < t.Lost/2:
		x.lostThere = true
	case lost < t.Lost:
		x.lostBack = true
	}
	if late < t.Late {
		x.late = during(r, leaseTTL)
	}
	return x
}

// call lets f happen to the store, or not. late, if not nil, is the same request as
// it arrives when nobody waits for its answer any more.
func (v *view) call(ctx context.Context, op string, late func(), f func() error) error {
	if !v.p.alive() {
		return errDead
	}
	x := v.weather()
	if err := pass(ctx, x.there); err != nil {
		return err
	}
	if x.late > 0 && late != nil {
		v.p.w.logf("%s: %s arrives %s late", v.p.name, op, x.late)
		v.p.w.loose.Go(func() {
			time.Sleep(x.late)
			late()
		})
		return &store.TemporaryError{Err: errLost}
	}
	if x.lostThere {
		v.p.w.logf("%s: %s is lost", v.p.name, op)
		return &store.TemporaryError{Err: errLost}
	}
	if !v.p.alive() {
		return errDead
	}
	err := f()
	if x.lostBack {
		v.p.w.logf("%s: the answer to %s is lost", v.p.name, op)
		return &store.TemporaryError{Err: errLost}
	}
	if e := pass(ctx, x.back); e != nil {
		return e
	}
	if !v.p.alive() {
		return errDead
	}
	return err
}

// pass waits for d or the end of ctx.
func pass(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (v *view) BeginCreate(ctx context.Context, c store.Create) (cr store.Creation, err error) {
	late := func() { _, _ = v.s.BeginCreate(context.WithoutCancel(ctx), c) }
	err = v.call(ctx, "BeginCreate", late, func() (err error) {
		cr, err = v.s.BeginCreate(ctx, c)
		return err
	})
	return cr, err
}

func (v *view) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	late := func() { _ = v.s.AddTenants(context.WithoutCancel(ctx), c, first, tenants) }
	return v.call(ctx, "AddTenants", late, func() error { return v.s.AddTenants(ctx, c, first, tenants) })
}

func (v *view) FinishCreate(ctx context.Context, c store.Creation) error {
	late := func() { _ = v.s.FinishCreate(context.WithoutCancel(ctx), c) }
	return v.call(ctx, "FinishCreate", late, func() error { return v.s.FinishCreate(ctx, c) })
}

func (v *view) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	err = v.call(ctx, "Remove", nil, func() (err error) {
		more, err = v.s.Remove(ctx, id)
		return err
	})
	return more, err
}

func (v *view) Commit(ctx context.Context, b *store.Batch) error {
	// What is not heard is not filled in either, and a late request has its own memory.
	request := func() *store.Batch {
		return &store.Batch{Plan: b.Plan, Works: append([]store.Work(nil), b.Works...), Claim: b.Claim}
	}
	stray, answer := request(), request()
	late := func() { _ = v.s.Commit(context.WithoutCancel(ctx), stray) }
	err := v.call(ctx, "Commit", late, func() error { return v.s.Commit(ctx, answer) })
	if err == nil {
		copy(b.Works, answer.Works)
		b.Claimed, b.View = answer.Claimed, answer.View
	}
	return err
}

func (v *view) Apply(ctx context.Context, c store.Command) (a store.Applied, err error) {
	late := func() { _, _ = v.s.Apply(context.WithoutCancel(ctx), c) }
	err = v.call(ctx, "Apply", late, func() (err error) {
		a, err = v.s.Apply(ctx, c)
		return err
	})
	if err != nil {
		return store.Applied{}, err
	}
	return a, nil
}

func (v *view) Join(ctx context.Context, incarnation string, ttl time.Duration) error {
	return v.call(ctx, "Join", nil, func() error { return v.s.Join(ctx, incarnation, ttl) })
}

func (v *view) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) (held []store.Holding, err error) {
	err = v.call(ctx, "Heartbeat", nil, func() (err error) {
		held, err = v.s.Heartbeat(ctx, incarnation, ttl, plans)
		return err
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

func (v *view) Leave(ctx context.Context, incarnation string) error {
	return v.call(ctx, "Leave", nil, func() error { return v.s.Leave(ctx, incarnation) })
}

func (v *view) Orphans(ctx context.Context, id plan.ID) (held []store.Holding, err error) {
	err = v.call(ctx, "Orphans", nil, func() (err error) {
		held, err = v.s.Orphans(ctx, id)
		return err
	})
	return held, err
}

func (v *view) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	late := func() { _, _ = v.s.Reserve(context.WithoutCancel(ctx), locks) }
	err = v.call(ctx, "Reserve", late, func() (err error) {
		held, err = v.s.Reserve(ctx, locks)
		return err
	})
	return held, err
}

func (v *view) Locks(ctx context.Context, tenants []string) (found []store.TenantLock, err error) {
	err = v.call(ctx, "Locks", nil, func() (err error) {
		found, err = v.s.Locks(ctx, tenants)
		return err
	})
	return found, err
}

func (v *view) Replace(ctx context.Context, old, next store.TenantLock) (done bool, err error) {
	late := func() { _, _ = v.s.Replace(context.WithoutCancel(ctx), old, next) }
	err = v.call(ctx, "Replace", late, func() (err error) {
		done, err = v.s.Replace(ctx, old, next)
		return err
	})
	return done, err
}

func (v *view) Release(ctx context.Context, locks []store.TenantLock) error {
	copied := append([]store.TenantLock(nil), locks...)
	late := func() { _ = v.s.Release(context.WithoutCancel(ctx), copied) }
	return v.call(ctx, "Release", late, func() error { return v.s.Release(ctx, locks) })
}

func (v *view) Due(ctx context.Context, limit int) (due []store.DuePlan, err error) {
	err = v.call(ctx, "Due", nil, func() (err error) {
		due, err = v.s.Due(ctx, limit)
		return err
	})
	return due, err
}

func (v *view) Rest(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error {
	return v.call(ctx, "Rest", nil, func() error { return v.s.Rest(ctx, id, stamp, after) })
}

func (v *view) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	return v.call(ctx, "Remind", nil, func() error { return v.s.Remind(ctx, plans) })
}

func (v *view) Listen(ctx context.Context, hint func(plan.ID)) error {
	return v.s.Listen(ctx, func(id plan.ID) {
		if v.p.icy() || v.weather().lostBack {
			return
		}
		hint(id)
	})
}

func (v *view) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (seq int64, err error) {
	err = v.call(ctx, "Cursor", nil, func() (err error) {
		seq, err = v.s.Cursor(ctx, id, name, owner, ttl)
		return err
	})
	return seq, err
}

func (v *view) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	return v.call(ctx, "MoveCursor", nil, func() error { return v.s.MoveCursor(ctx, id, name, owner, seq) })
}

func (v *view) Plan(ctx context.Context, id plan.ID) (p plan.Plan, err error) {
	err = v.call(ctx, "Plan", nil, func() (err error) {
		p, err = v.s.Plan(ctx, id)
		return err
	})
	return p, err
}

func (v *view) Plans(ctx context.Context, q store.PlanQuery) (plans []plan.Plan, err error) {
	err = v.call(ctx, "Plans", nil, func() (err error) {
		plans, err = v.s.Plans(ctx, q)
		return err
	})
	return plans, err
}

func (v *view) Task(ctx context.Context, id task.ID) (t task.Task, err error) {
	err = v.call(ctx, "Task", nil, func() (err error) {
		t, err = v.s.Task(ctx, id)
		return err
	})
	return t, err
}

func (v *view) TasksAt(ctx context.Context, id plan.ID, ordinals []int) (tasks []task.Task, err error) {
	err = v.call(ctx, "TasksAt", nil, func() (err error) {
		tasks, err = v.s.TasksAt(ctx, id, ordinals)
		return err
	})
	return tasks, err
}

func (v *view) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) (tasks []task.Task, next int, err error) {
	err = v.call(ctx, "Tasks", nil, func() (err error) {
		tasks, next, err = v.s.Tasks(ctx, id, q)
		return err
	})
	return tasks, next, err
}

func (v *view) States(ctx context.Context, id plan.ID, after, limit int) (states []task.State, err error) {
	err = v.call(ctx, "States", nil, func() (err error) {
		states, err = v.s.States(ctx, id, after, limit)
		return err
	})
	return states, err
}

func (v *view) Tenants(ctx context.Context, id plan.ID, after, limit int) (tenants []string, err error) {
	err = v.call(ctx, "Tenants", nil, func() (err error) {
		tenants, err = v.s.Tenants(ctx, id, after, limit)
		return err
	})
	return tenants, err
}

func (v *view) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	err = v.call(ctx, "PlanEvents", nil, func() (err error) {
		events, err = v.s.PlanEvents(ctx, id, after, limit)
		return err
	})
	return events, err
}

func (v *view) Events(ctx context.Context, id plan.ID, after int64, limit int) (events []plan.Event, err error) {
	err = v.call(ctx, "Events", nil, func() (err error) {
		events, err = v.s.Events(ctx, id, after, limit)
		return err
	})
	return events, err
}
