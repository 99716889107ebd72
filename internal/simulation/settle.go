package simulation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// calmTimeout is the maximum time, after the faults have ended, until every plan is at rest: leases
// must expire, and abandoned creations and starts must be noticed.
const calmTimeout = 20 * leaseTTL

// settle ends all faults and then gives the commands that bring every plan to its end.
func (w *world) settle(ctx context.Context) {
	w.logf("calm")
	w.calm.Store(true)
	close(w.calmed)
	for _, p := range w.all() {
		p.thaw()
	}
	w.commands.Wait()
	_ = pass(ctx, 2*leaseTTL) // for requests that arrive late
	fresh := w.spawn()
	const rounds = 10
	for round := range rounds {
		if !w.rest(ctx) {
			return
		}
		w.checkPlans(ctx)
		open := false
		for _, p := range w.plans(ctx) {
			if !p.Over() {
				open = true
				w.goOn(ctx, fresh.engine, p, round >= rounds/2)
			}
		}
		if !open {
			w.checkLocks(ctx)
			w.checkPlaces(ctx)
			w.startAfresh(ctx, [2]*cutover.Engine{fresh.engine, w.spawn().engine})
			return
		}
	}
	w.faultf("some plans are never over:\n%s", w.state(ctx))
}

// rest waits until every plan is at rest, or waits for the tenants of one that is, and reports
// whether that took at most calmTimeout, not counting the times at which the windows of a plan were
// shut.
func (w *world) rest(ctx context.Context) bool {
	const tick = leaseTTL / 10
	idle := make(idling)
	for left := calmTimeout; left > 0; time.Sleep(tick) {
		plans := w.plans(ctx)
		if !slices.ContainsFunc(plans, func(p plan.Plan) bool { return !p.AtRest() && !w.waits(ctx, p) }) {
			return true
		}
		if !slices.ContainsFunc(plans, func(p plan.Plan) bool { return w.shut(&p) }) {
			left -= tick
		}
		if w.temper.Steady {
			idle.check(ctx, w, plans)
		}
	}
	w.faultf("it does not come to rest:\n%s", w.state(ctx))
	return false
}

// waits reports whether p can only wait, because plans that are at rest, or wait themselves, hold
// the tenants of all tasks that are in flight or may begin.
func (w *world) waits(ctx context.Context, p plan.Plan, by ...plan.ID) bool {
	if p.State != plan.Running || p.Breached || p.Counters.InFlight() == 0 && !p.Admits() {
		return false
	}
	return w.held(ctx, p, true, func(holder plan.Plan) bool {
		return !holder.Over() && holder.AtRest() || slices.Contains(by, holder.ID) || w.waits(ctx, holder, append(by, p.ID)...)
	})
}

// held reports whether p waits for tenants, and other plans of this kind have locked those of all
// pending tasks up to the last that may begin and, if asked, of all tasks in flight.
func (w *world) held(ctx context.Context, p plan.Plan, inFlight bool, kind func(holder plan.Plan) bool) (all bool) {
	if p.Strategy.Conflict != strategy.Wait {
		return false
	}
	for _, t := range w.tasks(ctx, p.ID) {
		pending := t.State == task.Pending && t.ID.Ordinal() <= p.Grant.LastOrdinal
		if !pending && (!inFlight || !t.State.InFlight()) {
			continue
		}
		locks, err := w.store.Locks(ctx, []string{t.Tenant.ID})
		if err != nil || len(locks) == 0 || locks[0].Plan == p.ID {
			return false
		}
		if holder, err := w.store.Plan(ctx, locks[0].Plan); err != nil || !kind(holder) {
			return false
		}
		all = true
	}
	return all
}

// goOn gives a command to a plan that is at rest but not over, so that the plan goes on. If last is
// true, the command is cancel where the state allows it.
func (w *world) goOn(ctx context.Context, e *cutover.Engine, p plan.Plan, last bool) {
	name := ""
	switch p.State {
	case plan.Created:
		name = "start"
	case plan.Paused:
		name = "resume"
	case plan.Failed:
		name = "retry failed"
	case plan.RollbackFailed:
		name = "rollback"
	case plan.Running: // its next wave waits for an approval, or its tasks were paused individually
		if p.Gate == plan.GateApproval {
			name = "approve"
			break
		}
		if w.waits(ctx, p) {
			name = "retry failed" // a failed task keeps a tenant for which another plan may wait
			break
		}
		w.resumeTasks(ctx, e, p)
		return
	case plan.RollingBack, plan.Completed, plan.Canceled, plan.RolledBack:
		w.faultf("plan %s is %s, at rest and not over", p.ID, p.State)
		return
	}
	if last && p.State != plan.RollbackFailed {
		name = "cancel"
	}
	_, err := give(ctx, e, name, p.ID, 0, "people")
	w.logf("people: %s plan %s: %v", name, p.ID, err)
	if err == nil && name == "retry failed" && p.Counters.Of(task.Pending)+p.Counters.Of(task.Failed) > 0 {
		return
	}
	if name == "retry failed" {
		_, err = give(ctx, e, "resume", p.ID, 0, "people")
	}
	if err != nil && !errors.Is(err, store.ErrTenantHeld) && !errors.Is(err, plan.ErrNotApplicable) {
		w.faultf("people: %s plan %s: %v", name, p.ID, err)
	}
}

func (w *world) resumeTasks(ctx context.Context, e *cutover.Engine, p plan.Plan) {
	for _, t := range w.tasks(ctx, p.ID) {
		if t.State == task.Paused {
			_, err := e.ResumeTask(ctx, t.ID, cutover.By("people"))
			w.logf("people: resume task %s: %v", t.ID, err)
			if err != nil {
				w.faultf("people: resume task %s: %v", t.ID, err)
			}
		}
	}
}

// checkLocks checks that all tenants are unlocked soon, now that every plan is over. A lock that
// arrives after its plan was removed is allowed: the next plan that wants the tenant takes it over.
func (w *world) checkLocks(ctx context.Context) {
	var all []string
	for i := range tenants {
		all = append(all, fmt.Sprintf("t%d", i))
	}
	var left []store.TenantLock
	for deadline := time.Now().Add(2 * calmTimeout); time.Now().Before(deadline); time.Sleep(leaseTTL / 10) {
		locks, err := w.store.Locks(ctx, all)
		if err != nil {
			w.faultf("locks: %v", err)
		}
		left = slices.DeleteFunc(locks, func(l store.TenantLock) bool {
			_, err := w.store.Plan(ctx, l.Plan)
			return errors.Is(err, store.ErrNotFound)
		})
		if len(left) == 0 {
			return
		}
	}
	w.faultf("every plan is over, and locked are %+v\n%s", left, w.state(ctx))
}

// startAfresh starts two new plans over all tenants concurrently, in the same order or in opposite
// ones. No tenant may be held by an older plan, and at least one of the two must start.
func (w *world) startAfresh(ctx context.Context, engines [2]*cutover.Engine) {
	var ids [2]plan.ID
	spec := plan.Spec{Name: "afresh", ExecutorType: "X"}
	for i := range tenants {
		spec.Tenants = append(spec.Tenants, task.Tenant{ID: fmt.Sprintf("t%d", i)})
	}
	for i, e := range engines {
		p, err := e.Create(ctx, spec, cutover.By("people"))
		if err != nil {
			w.faultf("create afresh: %v", err)
			return
		}
		ids[i] = p.ID
		if w.seed%2 == 0 {
			slices.Reverse(spec.Tenants)
		}
	}
	var errs [2]error
	var both sync.WaitGroup
	for i, e := range engines {
		both.Go(func() { _, errs[i] = e.Start(ctx, ids[i], cutover.By("people")) })
	}
	both.Wait()
	if errs[0] != nil && errs[1] != nil { // both may start, one after the other
		w.faultf("every plan is over, and of two starts over all tenants plan %s says %v, plan %s %v\n%s", ids[0], errs[0], ids[1], errs[1], w.state(ctx))
		return
	}
	w.checkHolders(ids[0], errs[0], 0)
	w.checkHolders(ids[1], errs[1], 0)
	if !w.rest(ctx) {
		return
	}
	for i, id := range ids {
		want := plan.Created
		if errs[i] == nil {
			want = plan.Completed
		}
		if p, err := engines[i].Plan(ctx, id); err != nil && !errors.Is(err, store.ErrNotFound) || err == nil && p.State != want {
			w.faultf("a plan without faults is %s, want %s, %v", p.State, want, err)
		}
	}
}

// tasks returns all tasks of a plan.
func (w *world) tasks(ctx context.Context, id plan.ID) []task.Task {
	tasks, _, err := w.store.Tasks(ctx, id, store.TaskQuery{})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.faultf("tasks of %s: %v", id, err)
	}
	return tasks
}

// state describes every plan and task.
func (w *world) state(ctx context.Context) string {
	s := ""
	for _, p := range w.plans(ctx) {
		s += fmt.Sprintf("plan %s %s %v held %d breached %t grant %+v sweeps %v undo %+v dry %t starting %v\n", p.ID, p.State,
			p.Counters.States, p.Counters.Held, p.Breached, p.Grant, p.Sweeps, p.Undo, p.UndosExhausted, p.Starting)
		for _, t := range w.tasks(ctx, p.ID) {
			s += fmt.Sprintf("  task %s %s %s attempt %d worker %q request %s alone %t waiting %t %+v\n",
				t.ID, t.Tenant.ID, t.State, t.Attempt, t.Worker, t.Request, t.PausedIndividually, t.Waiting, t.Wait)
		}
	}
	return s
}
