package cutover

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Explain returns the one reason for which a task does not move, or says that it does. It is that
// of [plan.Plan.Explain], which asks the functions that decide, completed by what the store and
// this process know beyond the plan and the task:
//
//   - whether the lease of the worker that holds the task is over (plan.ReasonWorkerLost);
//   - which plan works on the tenant of a task that waits for a start, a retry or a rollback, or
//     for its tenant (plan.ReasonTenantHeld);
//   - which quota of the plan has no place for it, and which tasks have the places
//     (plan.ReasonQuota);
//   - whether any process that works on tasks has the executor of a task that may start
//     (plan.ReasonNoExecutor) or, if they cannot be read, whether this process has it
//     (plan.ReasonExecutorNotHere);
//   - who stopped the plan or the task, when and why, as far as the events tell: all those of the
//     plan itself, and of a single task those among the plan's last 5,000.
//
// If something of this cannot be read, Explain returns the reason without it, and the error. It
// changes nothing. Returns store.ErrNotFound if there is no such task.
func (e *Engine) Explain(ctx context.Context, id task.ID) (plan.Reason, error) {
	t, err := e.client.Task(ctx, id)
	if err != nil {
		return plan.Reason{}, err
	}
	p, err := e.client.Plan(ctx, id.Plan())
	if err != nil {
		return plan.Reason{}, err
	}
	x := explanation{engine: e, plan: p, task: t, reason: p.Explain(t)}
	err = x.complete(ctx)
	return x.reason, err
}

// explanation is a reason that is being completed.
type explanation struct {
	engine *Engine
	plan   plan.Plan
	task   task.Task
	reason plan.Reason
}

// complete adds to the reason what the plan and the task do not tell.
func (x *explanation) complete(ctx context.Context) error {
	r := &x.reason
	if r.Worker != "" {
		if lost, err := x.workerLost(ctx); lost || err != nil {
			return err
		}
	}
	switch r.Code {
	case plan.ReasonMayStart:
		if err := x.findExecutor(ctx); err != nil || r.Code != plan.ReasonMayStart {
			return err
		}
		if x.task.State == task.Pending && x.plan.Strategy.Conflict == strategy.Wait {
			if err := x.findHolder(ctx); err != nil || r.Code != plan.ReasonMayStart {
				return err
			}
		}
		return x.findQuota(ctx)
	case plan.ReasonQuota:
		return x.findQuota(ctx)
	case plan.ReasonNotStarted:
		if x.plan.Strategy.Conflict != strategy.Reject {
			return nil // the plan can be started nevertheless
		}
		return x.findHolder(ctx)
	case plan.ReasonFailed, plan.ReasonUndoFailed:
		return x.findHolder(ctx)
	case plan.ReasonPlanPaused, plan.ReasonPlanFailed, plan.ReasonPlanRollbackFailed:
		return x.findPlanCommand(ctx)
	case plan.ReasonTaskPaused:
		return x.findTaskCommand(ctx, task.ByPause)
	case plan.ReasonStopping:
		switch {
		case !r.Alone:
			return x.findPlanCommand(ctx)
		case r.Stop == task.StopCancel:
			return x.findTaskCommand(ctx, task.ByCancel)
		}
		return x.findTaskCommand(ctx, task.ByPause)
	default:
	}
	return nil
}

// workerLost finds out whether the lease of the task's worker is over.
func (x *explanation) workerLost(ctx context.Context) (lost bool, err error) {
	client, orphans := x.engine.client, []store.Holding(nil)
	err = client.Do(ctx, "orphans", func() (err error) {
		orphans, err = client.Store.Orphans(ctx, x.plan.ID)
		return err
	})
	lost = slices.ContainsFunc(orphans, func(h store.Holding) bool { return h.Worker == x.task.Worker })
	if lost {
		x.reason.Code = plan.ReasonWorkerLost
	}
	return lost, err
}

// findExecutor finds out whether a worker has the executor of the plan. If not all workers can be
// read, and none of the others has it, it is only certain whether this process has it.
func (x *explanation) findExecutor(ctx context.Context) error {
	r := &x.reason
	_, here := x.engine.cfg.Executors[x.plan.ExecutorType]
	if l := x.engine.keeper.Current(); here && l != nil && l.Alive() {
		return nil // this process is a worker
	}
	var partly error
	for after := ""; ; {
		workers, err := x.engine.Lookup().Workers(ctx, after, 0)
		partly = cmp.Or(partly, err)
		for _, w := range workers {
			if slices.Contains(w.Executors, x.plan.ExecutorType) {
				return nil
			}
			after = w.Name
		}
		if len(workers) < store.MaxPage {
			break
		}
	}
	switch {
	case partly == nil:
		r.Code, r.ExecutorType = plan.ReasonNoExecutor, x.plan.ExecutorType
	case !here:
		r.Code, r.ExecutorType = plan.ReasonExecutorNotHere, x.plan.ExecutorType
	}
	return partly
}

// findHolder finds out whether another plan works on the tenant.
func (x *explanation) findHolder(ctx context.Context) error {
	lock, p, held, err := x.engine.locks.Holder(ctx, x.plan.ID, x.task.Tenant.ID)
	if held {
		r := &x.reason
		r.Code, r.Holder, r.HolderState = plan.ReasonTenantHeld, task.NewID(lock.Plan, lock.Ordinal), p.State
	}
	return err
}

// findQuota finds out whether a quota that binds the task is full, and with which tasks.
func (x *explanation) findQuota(ctx context.Context) error {
	for _, b := range quota.Bounds(x.plan.Strategy.Quotas, x.task.Tenant.Labels) {
		held, err := x.engine.quotas.Holders(ctx, b.QuotaKey)
		if err != nil {
			return err
		}
		own := func(p store.Place) bool { return p.Plan == x.plan.ID && p.Ordinal == x.task.ID.Ordinal() }
		if len(held) < b.Max || slices.ContainsFunc(held, own) {
			continue
		}
		r := &x.reason
		r.Code, r.Quota, r.QuotaValue, r.QuotaMax = plan.ReasonQuota, b.Label, b.Value, b.Max
		for _, p := range held[:min(len(held), plan.MaxQuotaHolders)] {
			r.QuotaHolders = append(r.QuotaHolders, task.NewID(p.Plan, p.Ordinal))
		}
		return nil
	}
	return nil
}

// findPlanCommand finds out who gave the command on the plan, or on the wave, that the reason is
// about.
func (x *explanation) findPlanCommand(ctx context.Context) error {
	for after := int64(0); ; {
		events, err := x.engine.PlanEvents(ctx, x.plan.ID, after, store.MaxPage)
		for _, e := range events {
			if x.stops(&e) {
				x.givenBy(e)
			}
		}
		if err != nil || len(events) < store.MaxPage {
			return err
		}
		after = events[len(events)-1].Seq
	}
}

// stops reports whether an event is that of a command as the reason is about: one that undoes the
// wave of the task, or cancels a rollback, or else one that brought the plan to its present state.
func (x *explanation) stops(e *plan.Event) bool {
	switch r := &x.reason; {
	case r.Code == plan.ReasonStopping && r.Wave > 0:
		return e.Cause == plan.ByRollback.String() && e.Wave == r.Wave
	case r.Code == plan.ReasonStopping && r.TaskState == task.RollingBack:
		return e.Cause == plan.ByCancel.String()
	}
	return e.From != e.To && e.To == x.plan.State.String()
}

// maxSearched is how many of a plan's last events are searched for a command on a task.
const maxSearched = 5 * store.MaxPage

// findTaskCommand finds out who stopped the task. The command may be older than its effect, but not
// older than the last time that the task went on. An attempt that begins without a command, after
// which a stop takes effect, is not such a time.
func (x *explanation) findTaskCommand(ctx context.Context, c task.Cause) error {
	oldest := max(0, x.plan.LastEvent-maxSearched)
	for before := x.plan.LastEvent; before > oldest; before -= store.MaxPage {
		after := max(oldest, before-store.MaxPage)
		events, err := x.engine.Events(ctx, x.plan.ID, after, int(before-after))
		if errors.Is(err, store.ErrTrimmed) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, e := range slices.Backward(events) {
			switch {
			case e.Task != x.task.ID:
			case e.Cause == task.ByResume.String() || e.Cause == task.ByRetry.String() && e.From != e.To:
				return nil
			case e.Cause == c.String() && e.Actor != "":
				x.givenBy(e)
				return nil
			}
		}
	}
	return nil
}

// givenBy adds who gave a command.
func (x *explanation) givenBy(e plan.Event) {
	x.reason.Actor, x.reason.Because, x.reason.At = e.Actor, e.Reason, e.At
}
