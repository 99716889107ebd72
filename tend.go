package cutover

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// forGood rests a plan until the next command.
const forGood = -1

// maxRest bounds how long a plan rests that has tasks in flight. Whoever holds them may
// have a lease far shorter than this process's own.
const maxRest = 7500 * time.Millisecond

// finishGrace is how much longer than the dispatcher a look may take to see the outcome of what it began.
const finishGrace = time.Second

// maxSteps bounds how long one look at a plan goes on before others get their turn.
const maxSteps = 10

// look carries out what a plan owes: its own transitions, commands on many tasks,
// stops of tasks that nobody runs, tasks of workers that are gone. It returns how
// long the plan may rest, 0 if it has to be looked at again at once, and whether
// it could be read. Any engine may look at any time; the loser of a race sees what
// the winner did.
func (e *Engine) look(ctx context.Context, d store.DuePlan) (rest time.Duration, ok bool) {
	for range maxSteps {
		p, err := e.store.Plan(ctx, d.ID)
		switch {
		case errors.Is(err, store.ErrNotFound):
			e.capacity.Remove(d.ID)
			return forGood, true
		case err != nil:
			e.client.Fault("look", err)
			return 0, false
		}
		work, done := wait.WithGrace(ctx, finishGrace)
		changed, err := e.tend(work, p)
		done()
		if errors.Is(err, store.ErrConflict) || changed && err == nil {
			continue // look again
		}
		if err != nil {
			e.client.Fault("tend", err)
			return 0, false
		}
		if known := e.capacityPlan(p); known != nil {
			e.capacity.SetReady(known, p.Claimable())
			e.capacity.Changed().Raise()
		}
		return e.restOf(p, d.Stamp), true
	}
	return 0, true
}

// restOf returns how long a plan may rest that has nothing to be done now. While
// tasks are in flight somebody has to look whether their workers are alive. One that is
// looked at beside the agenda, without a stamp, stays there as it is.
func (e *Engine) restOf(p plan.Plan, stamp uint64) time.Duration {
	switch {
	case stamp == 0:
		return 0
	case p.AtRest() && !e.cleaner.Clean(p, stamp):
		return e.restInFlight() // to see that it is done, whoever does it
	case p.AtRest() && tenantlock.EverLocked(p) && p.Idle < tenantlock.Lateness:
		return tenantlock.Lateness - p.Idle // then once more
	case p.Over() && e.cfg.Retention > 0:
		return max(e.keepFor()-p.Idle, time.Millisecond)
	case p.AtRest():
		return forGood
	case len(p.Sweeps) > 0:
		return e.cfg.PollInterval // it waits for a start
	case p.Starting != nil:
		return max(p.StartLeft(), 0) + time.Millisecond // then it may have been given up
	case p.Claimable():
		return 0
	}
	return e.restInFlight()
}

// restInFlight is how long a plan may rest while something of it is under way.
func (e *Engine) restInFlight() time.Duration { return min(e.cfg.LeaseTTL/4, maxRest) }

// tend does one thing that the plan needs, and reports whether there was one.
func (e *Engine) tend(ctx context.Context, p plan.Plan) (changed bool, err error) {
	now := time.Now()
	if d := p.Settle(now); d.Changed {
		_, err := e.client.Apply(ctx, p, d)
		return true, err
	}
	c := p.Counters
	switch {
	case p.Starting != nil && p.StartLeft() <= 0:
		_, err := e.locks.AbandonStart(ctx, p.ID, p.Starting.Token) // the cleaner frees what it has locked
		return true, err
	case len(p.Sweeps) > 0:
		if err := e.sweep(ctx, p); !errors.Is(err, tenantlock.ErrStartInWay) {
			return true, err
		}
	case p.Over():
		return e.wind(ctx, p)
	case c.Held > 0:
		if changed, err := e.orphans(ctx, p); changed || err != nil {
			return changed, err
		}
	}
	if c.InFlight() > c.Held && (p.State.Stop() != task.Go && c.Of(task.Running) > 0 || p.Undo.Stopping) {
		return e.halt(ctx, p)
	}
	return false, nil
}

// sweep carries a command on many tasks one batch further.
func (e *Engine) sweep(ctx context.Context, p plan.Plan) error {
	s := p.Sweeps[0]
	tasks, next, err := e.store.Tasks(ctx, p.ID, store.TaskQuery{After: s.After, States: s.States(), Limit: store.MaxBatch})
	if err != nil {
		return err
	}
	held := func(task.ID) bool { return false }
	if s.Kind == plan.SweepRetry {
		if held, err = e.locks.Held(ctx, p, tasks); err != nil {
			return err
		}
	}
	_, err = e.client.Apply(ctx, p, p.Sweep(tasks, next, held, plan.By{Now: time.Now()}))
	return err
}

// halt applies the plan's stop to tasks in flight that no worker holds.
func (e *Engine) halt(ctx context.Context, p plan.Plan) (changed bool, err error) {
	q := store.TaskQuery{States: []task.State{task.Running}, Unheld: true, Limit: store.MaxBatch}
	if p.Undo.Stopping {
		q.States = append(q.States, task.RollingBack)
	}
	tasks, _, err := e.store.Tasks(ctx, p.ID, q)
	if err != nil || len(tasks) == 0 {
		return false, err
	}
	d := p.HaltTasks(tasks, plan.By{Now: time.Now()})
	if !d.Changed {
		return false, nil
	}
	_, err = e.client.Apply(ctx, p, d)
	return true, err
}

// orphans takes tasks from workers whose leases are over. Its own it leaves alone: the
// store has forgotten this process's lease, as after a failover to a replica that was
// behind, and the process would claim them again under the same lease and lose them
// again. It renews instead, and so finds out.
func (e *Engine) orphans(ctx context.Context, p plan.Plan) (changed bool, err error) {
	lost, err := e.store.Orphans(ctx, p.ID)
	if err != nil || len(lost) == 0 {
		return false, err
	}
	tasks, err := e.tasksOf(ctx, p.ID, e.others(lost))
	if errors.Is(err, store.ErrCorrupt) {
		e.client.Fault("orphans", err) // a damaged task must not keep the others from being worked on
		err = nil
	}
	if err != nil || len(tasks) == 0 {
		return false, err
	}
	if _, err = e.client.Apply(ctx, p, p.LoseTasks(tasks, e.cfg.MaxLosses, plan.By{Now: time.Now()})); err == nil {
		for _, t := range tasks {
			e.cfg.Hooks.OnWorkerLost(t.ID, t.Worker)
		}
	}
	return true, err
}

// others returns those holdings that are not this process's own.
func (e *Engine) others(lost []store.Holding) []store.Holding {
	own := e.keeper.Current()
	return slices.DeleteFunc(lost, func(h store.Holding) bool {
		mine := own != nil && h.Worker == own.Name()
		if mine {
			e.registry.HeartbeatSoon()
		}
		return mine
	})
}

// tasksOf reads the tasks that are still held as they were found, in one call: a task
// each would take as many round trips, and one that fails would be the end of all. An
// error is about those that are missing.
func (e *Engine) tasksOf(ctx context.Context, id plan.ID, lost []store.Holding) ([]task.Task, error) {
	ordinals := make([]int, len(lost))
	found := make(map[task.ID]store.Holding, len(lost))
	for i, h := range lost {
		ordinals[i], found[h.Task] = h.Task.Ordinal(), h
	}
	if len(ordinals) == 0 {
		return nil, nil
	}
	tasks, err := e.store.TasksAt(ctx, id, ordinals)
	return slices.DeleteFunc(tasks, func(t task.Task) bool {
		h := found[t.ID]
		return t.Token != h.Token || t.Worker != h.Worker
	}), err
}

// keepFor is how long a plan is kept that is over. As long as requests may be on their way
// the plan has to be there, or one that locks a tenant would leave a lock for good.
func (e *Engine) keepFor() time.Duration { return max(e.cfg.Retention, tenantlock.Lateness) }

// wind removes a plan that is over when it was kept long enough.
func (e *Engine) wind(ctx context.Context, p plan.Plan) (changed bool, err error) {
	if e.cfg.Retention > 0 && p.Idle >= e.keepFor() {
		return true, e.remove(ctx, p.ID)
	}
	return false, nil
}

// removeFor bounds how long one look at a plan goes on removing it.
const removeFor = 100 * time.Millisecond

// remove takes a plan away, or as much of it as can be done in a short time: the store
// brings up the rest again. After an error it is tried again when the plan is due again.
func (e *Engine) remove(ctx context.Context, id plan.ID) error {
	for began := time.Now(); ; {
		more, err := e.store.Remove(ctx, id)
		if err != nil || !more {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if time.Since(began) > removeFor {
			e.due.Raise()
			return nil
		}
	}
}
