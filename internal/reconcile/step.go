package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// step does one thing that the plan owes, and reports whether it did anything.
func (r *Reconciler) step(ctx context.Context, p plan.Plan, so turn) (changed bool, err error) {
	if d := p.Settle(time.Now()); d.Changed {
		return r.apply(ctx, p, d)
	}
	c := p.Counters
	switch {
	case p.Starting != nil && p.StartLeft() <= 0 && p.Strategy.Conflict.FinishesStart():
		return true, r.opts.FinishStart(ctx, p)
	case p.Starting != nil && p.StartLeft() <= 0:
		_, err := r.opts.Locks.AbandonStart(ctx, p.ID, p.Starting.Token) // the cleaner releases its locks
		return true, err
	case p.Adding != nil && p.Adding.Left(p.Idle) <= 0:
		_, err := r.opts.Locks.DropAddition(ctx, p.ID, p.Adding.Token)
		return true, err
	case len(p.Sweeps) > 0 && p.Starting == nil:
		if so.steps == 0 && c.Held > 0 { // a long sweep does not keep tasks with workers that are gone
			if changed, err := r.takeFromLostWorkers(ctx, p); changed || err != nil {
				return changed, err
			}
		}
		if err := r.sweep(ctx, p, max(1, store.MaxBatch>>so.conflicts)); !errors.Is(err, tenantlock.ErrStartInWay) {
			return true, err
		}
	case p.Over():
		return r.removeFinished(ctx, p)
	case c.Held > 0:
		if changed, err := r.takeFromLostWorkers(ctx, p); changed || err != nil {
			return changed, err
		}
	}
	if halts(p) {
		return r.halt(ctx, p)
	}
	return false, nil
}

// halts reports whether a stop may be in force for tasks that no worker holds.
func halts(p plan.Plan) bool {
	c := p.Counters
	unheld, stop := c.InFlight()-c.Held, p.State.Stop()
	switch {
	case unheld == 0 || p.Undo.Stopping:
		return unheld > 0
	case c.Of(task.Running) == 0:
		return false
	case stop == task.StopCancel || p.Undo.OfWave():
		return true
	case stop == task.StopPause: // what is exempt goes on
		return unheld > c.Exempt
	}
	return p.State == plan.Failed && c.Starting > 0 // what was to start does not
}

// apply commits a decision.
func (r *Reconciler) apply(ctx context.Context, p plan.Plan, d plan.Decision) (changed bool, err error) {
	_, err = r.opts.Client.Apply(ctx, p, d)
	return true, err
}

// halt applies the stops that are in force to tasks in flight that no worker holds, at most
// store.MaxBatch of them. It passes over those that go on.
func (r *Reconciler) halt(ctx context.Context, p plan.Plan) (changed bool, err error) {
	q := store.TaskQuery{States: []task.State{task.Running}, Unheld: true, Limit: store.MaxBatch}
	if p.Undo.OfWave() && p.State == plan.Running {
		q.After, q.Until = p.Undo.First-1, p.Undo.Last // what runs elsewhere goes on
	}
	if p.Undo.Stopping {
		q.States = append(q.States, task.RollingBack)
	}
	for more := true; more; more = q.After > 0 {
		var tasks []task.Task
		tasks, q.After, err = r.opts.Client.Store.Tasks(ctx, p.ID, q)
		if err != nil {
			return false, err
		}
		if d := p.HaltTasks(tasks, plan.By{Now: time.Now()}); d.Changed {
			return r.apply(ctx, p, d)
		}
	}
	return false, nil
}

// takeFromLostWorkers takes tasks from workers whose leases are over. It does not take tasks of
// this process: if the store lists them, the store has forgotten this process's lease, for instance
// after a failover to a replica that was behind. The process would claim the tasks again under the
// same lease and lose them again. It sends a heartbeat instead, and so learns that the lease is
// over.
func (r *Reconciler) takeFromLostWorkers(ctx context.Context, p plan.Plan) (changed bool, err error) {
	orphans, err := r.opts.Client.Store.Orphans(ctx, p.ID)
	if err != nil || len(orphans) == 0 {
		return false, err
	}
	tasks, err := r.tasksOf(ctx, p.ID, r.ofOthers(orphans))
	if errors.Is(err, store.ErrCorrupt) {
		r.opts.Client.Fault("orphans", err) // a damaged task must not affect the others
		err = nil
	}
	if err != nil || len(tasks) == 0 {
		return false, err
	}
	_, err = r.apply(ctx, p, p.LoseTasks(tasks, r.opts.MaxLosses, plan.By{Now: time.Now()}))
	if err == nil {
		for _, t := range tasks {
			r.opts.WorkerLost(t.ID, t.Worker)
		}
	}
	return true, err
}

// ofOthers returns the holdings of other processes. If some are this process's own, ofOthers makes
// the keeper send a heartbeat soon.
func (r *Reconciler) ofOthers(orphans []store.Holding) []store.Holding {
	own := r.opts.Keeper.Current()
	return slices.DeleteFunc(orphans, func(h store.Holding) bool {
		mine := own != nil && h.Worker == own.Name()
		if mine {
			r.opts.Registry.HeartbeatSoon()
		}
		return mine
	})
}

// tasksOf reads, in one call, those of the orphans' tasks that are still held as they were found.
// One call per task would need as many round trips, and the first call that fails would prevent the
// others. tasksOf may return an error together with tasks; the error is then about the tasks that
// are missing.
func (r *Reconciler) tasksOf(ctx context.Context, id plan.ID, orphans []store.Holding) ([]task.Task, error) {
	if len(orphans) == 0 {
		return nil, nil
	}
	ordinals := make([]int, len(orphans))
	found := make(map[task.ID]store.Holding, len(orphans))
	for i, h := range orphans {
		ordinals[i], found[h.Task] = h.Task.Ordinal(), h
	}
	tasks, err := r.opts.Client.Store.TasksAt(ctx, id, ordinals)
	return slices.DeleteFunc(tasks, func(t task.Task) bool {
		h := found[t.ID]
		return t.Token != h.Token || t.Worker != h.Worker
	}), err
}
