package simulation

import (
	"context"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// begun records the starts that succeed, or cannot be given up any more, and checks them: a plan
// starts with the tenants of all its pending tasks locked, unless it waits for them, and a start
// skips no task whose tenant it knows to have locked. The caller has the lock.
func (a *audit) begun(ctx context.Context, before plan.Plan, c store.Command) {
	token := c.Plan.StartToken
	if s := c.Plan.Starting; s != nil && s.Skipping {
		token = s.Token
	}
	if token == 0 {
		return
	}
	a.starts[token] = struct{}{}
	if before.State == plan.Created && c.Plan.State == plan.Running && before.Strategy.Conflict != strategy.Wait {
		for _, t := range a.w.tasks(ctx, before.ID) {
			if t.State == task.Pending && !a.locked(ctx, t, token) {
				a.w.faultf("plan %s is started, and the tenant %s of its task %s is not locked", before.ID, t.Tenant.ID, t.ID)
			}
		}
	}
	for _, e := range c.Edits {
		if !skippedAsHeld(e.Control) {
			continue
		}
		t, err := a.Task(ctx, e.ID)
		if err != nil || before.Strategy.Conflict != strategy.Skip || before.State != plan.Created || before.Starting == nil || a.locked(ctx, t, token) && !a.unknown(ctx, t) {
			a.w.faultf("task %s of a plan in %s with %s is skipped because its tenant is held: %v", e.ID, before.State, before.Strategy.Conflict, err)
		}
	}
}

// locked reports whether the tenant of a task is locked under the start with that token.
func (a *audit) locked(ctx context.Context, t task.Task, token uint64) bool {
	locks, err := a.Locks(ctx, []string{t.Tenant.ID})
	return err == nil && len(locks) == 1 && locks[0].Plan == t.ID.Plan() && locks[0].Start == token
}

// late marks the context of a request that arrives after its caller has given up.
type late struct{}

// free returns those of the locks that a late request would be the first to take.
func (a *audit) free(ctx context.Context, locks []store.TenantLock) (free []store.TenantLock) {
	if ctx.Value(late{}) == nil {
		return nil
	}
	for _, l := range locks {
		if now, err := a.Locks(ctx, []string{l.Tenant}); err == nil && !slices.Contains(now, l) {
			free = append(free, l)
		}
	}
	return free
}

// taken records what a start knows after a request of its own: of all locks that it has taken, but
// of none that a late request has taken for it. Whoever asks next for the tenant finds its task
// skipped, and takes the lock over.
func (a *audit) taken(ctx context.Context, locks, held, free []store.TenantLock) {
	for _, l := range locks {
		switch {
		case slices.ContainsFunc(held, func(h store.TenantLock) bool { return h.Tenant == l.Tenant }):
		case ctx.Value(late{}) == nil:
			delete(a.unheard, l)
		case slices.Contains(free, l):
			a.unheard[l] = struct{}{}
		}
	}
}

// unknown reports whether the start that has locked the tenant of a task does not know of it.
func (a *audit) unknown(ctx context.Context, t task.Task) bool {
	locks, err := a.Locks(ctx, []string{t.Tenant.ID})
	if err != nil || len(locks) != 1 {
		return false
	}
	_, is := a.unheard[locks[0]]
	return is
}

// skippedAsHeld reports whether a task was skipped because another plan worked on its tenant.
func skippedAsHeld(c task.Control) bool { return c.State == task.Skipped && c.Failure != nil }

// checkSkips checks that a start which skipped tasks was finished, or its plan canceled, and did
// not skip every task.
func (w *world) checkSkips(p plan.Plan, tasks []task.Task) {
	n := 0
	for _, t := range tasks {
		if skippedAsHeld(t.Control) {
			n++
		}
	}
	if n > 0 && (p.State == plan.Created || n == len(tasks)) {
		w.faultf("plan %s is %s, and of its %d tasks %d were skipped because their tenants were held", p.ID, p.State, len(tasks), n)
	}
}
