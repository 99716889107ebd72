package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// do carries out one operation of the script.
func (w *world) do(ctx context.Context, o op) {
	p := w.pick(o.proc)
	w.logf("%s", o)
	if o.apt {
		w.command(ctx, p, o)
		return
	}
	switch o.name {
	case "spawn":
		if len(w.all()) < 6 {
			w.spawn()
		}
	case "crash":
		p.crash()
	case "shutdown":
		p.shutdown()
	case "freeze":
		p.freeze()
		select {
		case <-time.After(o.pause):
		case <-w.calmed:
		}
		p.thaw()
	case "create":
		created, err := p.engine.Create(ctx, o.spec)
		w.logf("create by %s: plan %s with %+v of %v: %v", p.name, created.ID, o.spec.Strategy, o.spec.Tenants, err)
		w.expect(o, err)
	default:
		w.command(ctx, p, o)
	}
}

// command gives a command to a plan or a task, if there is a plan.
func (w *world) command(ctx context.Context, p *process, o op) {
	plans := w.plans(ctx)
	if len(plans) == 0 {
		return
	}
	target := plans[o.plan%len(plans)]
	id := task.NewID(target.ID, 1+o.task%target.TaskCount)
	if o.apt {
		apt := aptNames(target.State)
		o.name = apt[o.luck%len(apt)]
	}
	began := time.Now()
	already, err := w.giveOp(ctx, p, o, target.ID, id)
	if o.name == "start" {
		w.checkHolders(target.ID, err, time.Since(began))
	}
	w.logf("%s of plan %s task %s by %s: already %t, %v", o.name, target.ID, id, p.name, already, err)
	w.expect(o, err)
}

// giveOp gives the command of an operation.
func (w *world) giveOp(ctx context.Context, p *process, o op, id plan.ID, t task.ID) (already bool, err error) {
	switch o.name {
	case "tune":
	case "add":
		added := drawAdded(w.dice("add", o.luck, o.at))
		a, err := p.engine.AddTenants(ctx, id, added, cutover.By(p.name))
		w.logf("add to plan %s: %v", id, added)
		return a.Unchanged, err
	case "many":
		return w.giveMany(ctx, p, o, id)
	case "rollback wave":
		wave := 1 + o.luck%3
		a, err := p.engine.RollbackWave(ctx, id, wave, cutover.By(p.name))
		w.logf("rollback of wave %d of plan %s", wave, id)
		return a.Unchanged, err
	default:
		return give(ctx, p.engine, o.name, id, t, p.name)
	}
	r := w.dice("tune", o.luck, o.at)
	tuning := drawTuning(r)
	if w.temper.Windows && r.IntN(3) == 0 {
		tuning = drawOpenings(r, w.began)
	}
	a, err := p.engine.Tune(ctx, id, tuning, cutover.By(p.name))
	w.logf("tune plan %s to %+v", id, tuning)
	return a.Unchanged, err
}

// checkHolders checks that no start fails because of the lock of a start that was given up, unless
// it has waited for that lock as long as it may.
func (w *world) checkHolders(id plan.ID, err error, took time.Duration) {
	held := new(store.TenantHeldError)
	if !errors.As(err, &held) || took >= time.Minute {
		return
	}
	for _, l := range held.Held {
		if !w.store.started(l) {
			w.faultf("the start of plan %s names plan %s as the holder of %s, and that was never started", id, l.Plan, l.Tenant)
		}
	}
}

// give gives a command by its name.
func give(ctx context.Context, e *cutover.Engine, name string, id plan.ID, t task.ID, actor string) (already bool, err error) {
	by := cutover.By(actor)
	planCommands := map[string]func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error){
		"start": e.Start, "pause": e.Pause, "resume": e.Resume, "cancel": e.Cancel, "rollback": e.Rollback,
	}
	taskCommands := map[string]func(context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error){
		"pause task": e.PauseTask, "resume task": e.ResumeTask, "cancel task": e.CancelTask, "rollback task": e.RollbackTask,
		"skip task": e.SkipTask,
	}
	if f, ok := planCommands[name]; ok {
		a, err := f(ctx, id, by)
		return a.Unchanged, err
	}
	if f, ok := taskCommands[name]; ok {
		a, err := f(ctx, t, by, cutover.Because("not needed"))
		return a.Unchanged, err
	}
	switch name {
	case "approve":
		a, err := e.Approve(ctx, id, 0, by)
		return a.Unchanged, err
	case "reject":
		a, err := e.Reject(ctx, id, 0, by)
		return a.Unchanged, err
	case "retry failed":
		a, err := e.RetryFailed(ctx, id, cutover.FromCheckpoint, by)
		return a.Unchanged, err
	case "retry task":
		a, err := e.RetryTask(ctx, t, cutover.FromCheckpoint, by)
		return a.Unchanged, err
	case "try task":
		a, err := e.RetryTask(ctx, t, cutover.FromCheckpoint, by, cutover.StayStopped())
		return a.Unchanged, err
	}
	a, err := e.RetryTask(ctx, t, cutover.FromScratch, by)
	return a.Unchanged, err
}

// expect checks that an error is one for which callers are prepared.
func (w *world) expect(o op, err error) {
	for _, known := range []error{
		nil, plan.ErrNotApplicable, plan.ErrSweepsFull, plan.ErrInvalid, store.ErrTenantHeld, store.ErrNotFound, cutover.ErrStarting, cutover.ErrAdding, errDead,
	} {
		if errors.Is(err, known) {
			return
		}
	}
	if !store.Temporary(err) {
		w.faultf("%s: %v", o.name, err)
	}
}
