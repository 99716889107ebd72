package storetest

import (
	"context"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// The methods of an intercepted store that differ only in their types.

func (s *intercepted) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	return ask(ctx, s, Call{Method: "BeginCreate"}, func(ctx context.Context) (store.Creation, error) {
		return s.inner.BeginCreate(ctx, c)
	})
}

func (s *intercepted) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	return tell(ctx, s, Call{Method: "AddTenants", Plan: c.ID}, func(ctx context.Context) error {
		return s.inner.AddTenants(ctx, c, first, tenants)
	})
}

func (s *intercepted) FinishCreate(ctx context.Context, c store.Creation) error {
	return tell(ctx, s, Call{Method: "FinishCreate", Plan: c.ID}, func(ctx context.Context) error {
		return s.inner.FinishCreate(ctx, c)
	})
}

func (s *intercepted) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	return tell(ctx, s, Call{Method: "AppendTenants", Plan: id}, func(ctx context.Context) error {
		return s.inner.AppendTenants(ctx, id, token, first, tenants)
	})
}

func (s *intercepted) Appended(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return ask(ctx, s, Call{Method: "Appended", Plan: id}, func(ctx context.Context) ([]string, error) {
		return s.inner.Appended(ctx, id, after, limit)
	})
}

func (s *intercepted) Remove(ctx context.Context, id plan.ID) (bool, error) {
	return ask(ctx, s, Call{Method: "Remove", Plan: id}, func(ctx context.Context) (bool, error) {
		return s.inner.Remove(ctx, id)
	})
}

func (s *intercepted) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	return ask(ctx, s, Call{Method: "Apply", Plan: c.Plan.ID, Command: &c}, func(ctx context.Context) (store.Applied, error) {
		return s.inner.Apply(ctx, c)
	})
}

func (s *intercepted) Join(ctx context.Context, incarnation string, ttl time.Duration, p store.Process) error {
	return tell(ctx, s, Call{Method: "Join", Worker: incarnation}, func(ctx context.Context) error {
		return s.inner.Join(ctx, incarnation, ttl, p)
	})
}

func (s *intercepted) Report(ctx context.Context, incarnation string, l store.Load) error {
	return tell(ctx, s, Call{Method: "Report", Worker: incarnation}, func(ctx context.Context) error {
		return s.inner.Report(ctx, incarnation, l)
	})
}

func (s *intercepted) Workers(ctx context.Context, from string, limit int) ([]store.Worker, error) {
	return ask(ctx, s, Call{Method: "Workers"}, func(ctx context.Context) ([]store.Worker, error) {
		return s.inner.Workers(ctx, from, limit)
	})
}

func (s *intercepted) Holdings(ctx context.Context, id plan.ID, incarnation string) ([]store.Holding, error) {
	return ask(ctx, s, Call{Method: "Holdings", Plan: id, Worker: incarnation}, func(ctx context.Context) ([]store.Holding, error) {
		return s.inner.Holdings(ctx, id, incarnation)
	})
}

func (s *intercepted) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	return ask(ctx, s, Call{Method: "Heartbeat", Worker: incarnation}, func(ctx context.Context) ([]store.Holding, error) {
		return s.inner.Heartbeat(ctx, incarnation, ttl, plans)
	})
}

func (s *intercepted) Leave(ctx context.Context, incarnation string) error {
	return tell(ctx, s, Call{Method: "Leave", Worker: incarnation}, func(ctx context.Context) error {
		return s.inner.Leave(ctx, incarnation)
	})
}

func (s *intercepted) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	return ask(ctx, s, Call{Method: "Orphans", Plan: id}, func(ctx context.Context) ([]store.Holding, error) {
		return s.inner.Orphans(ctx, id)
	})
}

func (s *intercepted) Reserve(ctx context.Context, locks []store.TenantLock) ([]store.TenantLock, error) {
	locks = slices.Clone(locks) // the caller may change its slice after the call has returned
	return ask(ctx, s, Call{Method: "Reserve", Locks: locks}, func(ctx context.Context) ([]store.TenantLock, error) {
		return s.inner.Reserve(ctx, locks)
	})
}

func (s *intercepted) Locks(ctx context.Context, tenants []string) ([]store.TenantLock, error) {
	return ask(ctx, s, Call{Method: "Locks"}, func(ctx context.Context) ([]store.TenantLock, error) {
		return s.inner.Locks(ctx, tenants)
	})
}

func (s *intercepted) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	c := Call{Method: "Replace", Locks: []store.TenantLock{old, next}}
	return ask(ctx, s, c, func(ctx context.Context) (bool, error) { return s.inner.Replace(ctx, old, next) })
}

func (s *intercepted) Release(ctx context.Context, locks []store.TenantLock) error {
	locks = slices.Clone(locks)
	return tell(ctx, s, Call{Method: "Release", Locks: locks}, func(ctx context.Context) error {
		return s.inner.Release(ctx, locks)
	})
}

func (s *intercepted) Due(ctx context.Context, executors []string, limit int) ([]store.DuePlan, error) {
	return ask(ctx, s, Call{Method: "Due"}, func(ctx context.Context) ([]store.DuePlan, error) {
		return s.inner.Due(ctx, executors, limit)
	})
}

func (s *intercepted) Reschedule(ctx context.Context, id plan.ID, stamp uint64, next store.Next) error {
	return tell(ctx, s, Call{Method: "Reschedule", Plan: id}, func(ctx context.Context) error {
		return s.inner.Reschedule(ctx, id, stamp, next)
	})
}

func (s *intercepted) Remind(ctx context.Context, plans map[plan.ID]time.Duration) error {
	return tell(ctx, s, Call{Method: "Remind"}, func(ctx context.Context) error { return s.inner.Remind(ctx, plans) })
}

func (s *intercepted) Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error) {
	return ask(ctx, s, Call{Method: "Cursor", Plan: id}, func(ctx context.Context) (int64, error) {
		return s.inner.Cursor(ctx, id, name, owner, ttl)
	})
}

func (s *intercepted) MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error {
	return tell(ctx, s, Call{Method: "MoveCursor", Plan: id}, func(ctx context.Context) error {
		return s.inner.MoveCursor(ctx, id, name, owner, seq)
	})
}

func (s *intercepted) Subscribe(ctx context.Context, name string, fromStart bool) (store.Subscription, error) {
	return ask(ctx, s, Call{Method: "Subscribe"}, func(ctx context.Context) (store.Subscription, error) {
		return s.inner.Subscribe(ctx, name, fromStart)
	})
}

func (s *intercepted) Unsubscribe(ctx context.Context, name string) error {
	return tell(ctx, s, Call{Method: "Unsubscribe"}, func(ctx context.Context) error { return s.inner.Unsubscribe(ctx, name) })
}

func (s *intercepted) ListSubscriptions(ctx context.Context) ([]store.Subscription, error) {
	return ask(ctx, s, Call{Method: "ListSubscriptions"}, func(ctx context.Context) ([]store.Subscription, error) {
		return s.inner.ListSubscriptions(ctx)
	})
}

func (s *intercepted) ReportSubscription(ctx context.Context, name string, status store.SubscriptionStatus) error {
	return tell(ctx, s, Call{Method: "ReportSubscription"}, func(ctx context.Context) error {
		return s.inner.ReportSubscription(ctx, name, status)
	})
}

func (s *intercepted) Unread(ctx context.Context, name string, limit int, hide time.Duration) ([]store.DuePlan, error) {
	return ask(ctx, s, Call{Method: "Unread"}, func(ctx context.Context) ([]store.DuePlan, error) {
		return s.inner.Unread(ctx, name, limit, hide)
	})
}

func (s *intercepted) MarkUnread(ctx context.Context, name string, plans []plan.ID) error {
	plans = slices.Clone(plans)
	return tell(ctx, s, Call{Method: "MarkUnread"}, func(ctx context.Context) error { return s.inner.MarkUnread(ctx, name, plans) })
}

func (s *intercepted) MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error {
	return tell(ctx, s, Call{Method: "MarkRead", Plan: id}, func(ctx context.Context) error {
		return s.inner.MarkRead(ctx, name, id, stamp, after)
	})
}

func (s *intercepted) Positions(ctx context.Context, cursor string, plans []plan.ID) ([]int64, error) {
	return ask(ctx, s, Call{Method: "Positions"}, func(ctx context.Context) ([]int64, error) {
		return s.inner.Positions(ctx, cursor, plans)
	})
}

func (s *intercepted) AddDeadLetter(ctx context.Context, name string, d store.DeadLetter) error {
	return tell(ctx, s, Call{Method: "AddDeadLetter", Plan: d.Plan}, func(ctx context.Context) error {
		return s.inner.AddDeadLetter(ctx, name, d)
	})
}

func (s *intercepted) DeadLetters(ctx context.Context, name string) ([]store.DeadLetter, error) {
	return ask(ctx, s, Call{Method: "DeadLetters"}, func(ctx context.Context) ([]store.DeadLetter, error) {
		return s.inner.DeadLetters(ctx, name)
	})
}

func (s *intercepted) DropDeadLetter(ctx context.Context, name, id string) error {
	return tell(ctx, s, Call{Method: "DropDeadLetter"}, func(ctx context.Context) error { return s.inner.DropDeadLetter(ctx, name, id) })
}

func (s *intercepted) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	return ask(ctx, s, Call{Method: "Plan", Plan: id}, func(ctx context.Context) (plan.Plan, error) {
		return s.inner.Plan(ctx, id)
	})
}

func (s *intercepted) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	return ask(ctx, s, Call{Method: "Plans"}, func(ctx context.Context) ([]plan.Plan, error) {
		return s.inner.Plans(ctx, q)
	})
}

func (s *intercepted) Task(ctx context.Context, id task.ID) (task.Task, error) {
	return ask(ctx, s, Call{Method: "Task", Plan: id.Plan()}, func(ctx context.Context) (task.Task, error) {
		return s.inner.Task(ctx, id)
	})
}

func (s *intercepted) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	return ask(ctx, s, Call{Method: "TasksAt", Plan: id}, func(ctx context.Context) ([]task.Task, error) {
		return s.inner.TasksAt(ctx, id, ordinals)
	})
}

func (s *intercepted) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	type page struct {
		tasks []task.Task
		next  int
	}
	p, err := ask(ctx, s, Call{Method: "Tasks", Plan: id}, func(ctx context.Context) (page, error) {
		tasks, next, err := s.inner.Tasks(ctx, id, q)
		return page{tasks, next}, err
	})
	return p.tasks, p.next, err
}

func (s *intercepted) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	return ask(ctx, s, Call{Method: "States", Plan: id}, func(ctx context.Context) ([]task.State, error) {
		return s.inner.States(ctx, id, after, limit)
	})
}

func (s *intercepted) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	return ask(ctx, s, Call{Method: "Tenants", Plan: id}, func(ctx context.Context) ([]string, error) {
		return s.inner.Tenants(ctx, id, after, limit)
	})
}

func (s *intercepted) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return ask(ctx, s, Call{Method: "PlanEvents", Plan: id}, func(ctx context.Context) ([]plan.Event, error) {
		return s.inner.PlanEvents(ctx, id, after, limit)
	})
}

func (s *intercepted) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	return ask(ctx, s, Call{Method: "Events", Plan: id}, func(ctx context.Context) ([]plan.Event, error) {
		return s.inner.Events(ctx, id, after, limit)
	})
}
