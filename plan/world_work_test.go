package plan_test

import (
	"errors"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// What workers and engines do to a world without a command.

// seekUndo advances the open undo round to the next task to undo, or to the end of the round.
func (w *world) seekUndo() *task.Task {
	if !w.plan.Undo.Open || w.plan.UndosExhausted {
		return nil
	}
	for ; w.undo > 0; w.undo-- {
		if t := &w.tasks[w.undo-1]; t.Undoable() && (!w.plan.Undo.OfWave() || w.plan.Undo.Covers(w.undo)) {
			return t
		}
	}
	w.plan.UndosExhausted = true
	return nil
}

// claimable returns the task that is claimed next, or nil.
func (w *world) claimable() *task.Task {
	p := &w.plan
	if t := w.due(); t != nil {
		return t
	}
	if p.Counters.Slots() >= p.Grant.MaxSlots {
		return nil
	}
	for _, r := range []task.Request{task.ExemptRequest, task.NoRequest, task.StartRequest} {
		if t := w.unheld(r); t != nil && w.claims(t) {
			return t
		}
	}
	if t := w.lastUndo(); t != nil && w.claims(t) {
		return t
	}
	if t := w.seekUndo(); t != nil {
		return t
	}
	if !p.Breached && w.admits() {
		for i := range min(p.Grant.LastOrdinal, len(w.tasks)) {
			if w.tasks[i].State == task.Pending {
				return &w.tasks[i]
			}
		}
	}
	return nil
}

// claims reports whether claims take a task in flight that no worker holds.
func (w *world) claims(t *task.Task) bool {
	if t.State == task.RollingBack {
		return !w.plan.Undo.Stopping
	}
	return w.plan.Claims(t.Request, w.plan.Breached)
}

func (w *world) unheld(r task.Request) *task.Task {
	for i := range w.tasks {
		if t := &w.tasks[i]; t.State == task.Running && t.Request == r && t.Worker == "" && !t.Waiting {
			return t
		}
	}
	return nil
}

// lastUndo returns the undo without a worker that is claimed before all others, or nil.
func (w *world) lastUndo() *task.Task {
	for i := range slices.Backward(w.tasks) {
		if t := &w.tasks[i]; t.State == task.RollingBack && t.Worker == "" && !t.Waiting {
			return t
		}
	}
	return nil
}

// claim gives the next task to a worker, or lets it wait on, and reports whether there was one.
func (w *world) claim() bool {
	t := w.claimable()
	if t == nil {
		return false
	}
	if w.waitsOn(t) {
		w.wait(t)
		t.Version++
		w.step()
		return true
	}
	w.waitNoMore(t)
	w.started(t)
	switch {
	case t.State == task.Pending:
		w.checkBegins(t)
		w.shift(t, task.ByClaim)
		t.Attempt = 1
	case !t.State.InFlight():
		if u := w.plan.Undo; w.plan.State != plan.RollingBack && !u.Covers(t.ID.Ordinal()) {
			w.t.Fatalf("%s of another wave is undone in %s by %+v", t.ID, w.plan.State, u)
		}
		w.shift(t, task.ByRollback)
		t.PausedIndividually, t.Losses, t.Wait = false, 0, task.Wait{}
	}
	t.Worker = "w"
	t.Version++
	t.Token++
	w.plan.Counters.Held++
	w.countWaves()
	w.endWave()
	w.step()
	w.seekUndo()
	w.restTold = false
	return true
}

// started makes a task that was to start one that has started.
func (w *world) started(t *task.Task) {
	if t.Request == task.StartRequest {
		t.Request = task.NoRequest
	}
}

// countAsked counts the tasks that no worker holds by what they were asked.
func (w *world) countAsked() {
	c := &w.plan.Counters
	c.Starting, c.Exempt = 0, 0
	for _, t := range w.tasks {
		if t.Worker == "" {
			c.Unhold(t.Request, 1)
		}
	}
}

// shift changes the state of a task for a cause that a worker may have.
func (w *world) shift(t *task.Task, c task.Cause) {
	next, ok := t.State.Next(c)
	if !ok {
		w.t.Fatalf("task %s: %s in %s", t.ID, c, t.State)
	}
	w.plan.Counters.Move(t.State, next)
	w.moved(t, next)
	t.State = next
	w.countGroups()
	t.Version++
}

// release ends a worker's hold and, if there is an outcome, changes the state of the task for
// cause.
func (w *world) release(t *task.Task, cause task.Cause, outcome bool) {
	if outcome {
		w.shift(t, cause)
		t.PausedIndividually = cause == task.ByPause && t.Request == task.PauseRequest
		t.Request = task.NoRequest
		if cause != task.ByPause {
			t.Wait = task.Wait{}
		}
	}
	t.Worker = ""
	t.Version++
	w.plan.Counters.Held--
	w.countWaves()
	w.endWave()
	if cause == task.ByFailure && w.overBound(t.ID.Ordinal()) {
		w.plan.Breached = true
	}
	w.step()
	w.seekUndo()
	if outcome {
		w.restTold = w.plan.AtRest()
	}
}

// yield ends a worker's hold, and applies the stop in force.
func (w *world) yield(t *task.Task) {
	switch stop := w.plan.StopFor(t.ID.Ordinal(), t.Control); {
	case stop == task.Go:
		w.release(t, 0, false)
	case t.State == task.RollingBack:
		w.release(t, task.ByUndoFailure, true)
	case stop == task.StopPause:
		w.release(t, task.ByPause, true)
	default:
		w.release(t, task.ByCancel, true)
	}
}

// work makes the worker that holds t do one thing.
func (w *world) work(t *task.Task, what string) {
	running := t.State == task.Running
	switch what {
	case "save":
		t.Checkpoint = &checkpoint.Checkpoint{Step: "S", Data: []byte(`{}`)}
		t.Losses = 0
		w.step()
	case "succeed":
		if running {
			w.release(t, task.BySuccess, true)
			t.Checkpoint, t.Failure = nil, nil
		} else {
			w.release(t, task.ByUndo, true)
		}
	case "fail":
		if t.Failure = w.failure; t.Failure == nil {
			t.Failure = drawFailure(w.t)
		}
		if running {
			w.release(t, task.ByFailure, true)
		} else {
			w.release(t, task.ByUndoFailure, true)
		}
	case "yield":
		w.yield(t)
	case "hold":
		w.postpone(t, task.WaitHold)
	case "back off":
		w.postpone(t, task.WaitBackoff)
	case "vanish":
		w.apply(w.plan.LoseTasks([]task.Task{*t}, 1, w.by("")))
	}
}

// sweep advances a sweep by a page of n tasks.
func (w *world) sweep(n int) {
	if len(w.plan.Sweeps) == 0 {
		return
	}
	s := &w.plan.Sweeps[0]
	end := min(s.After+n, len(w.tasks))
	var page []task.Task
	for at := s.After + 1; at <= end; at++ {
		if o := s.Place(&w.plan, at); o > 0 { // which comes at that place: the way back is the same
			page = append(page, w.tasks[o-1])
		}
	}
	next := end
	if end == len(w.tasks) {
		next = 0
	}
	d := w.plan.Sweep(page, next, func(task.ID) bool { return false }, w.by(""))
	for _, e := range d.Edits {
		if t := &w.tasks[e.ID.Ordinal()-1]; !s.Matches(&w.plan, t) || s.Place(&w.plan, e.ID.Ordinal()) <= s.After {
			w.t.Fatalf("%s of %s, after place %d, edits task %s in %s", s.Kind, &s.Filter, s.After, t.ID, t.State)
		}
	}
	w.apply(d)
}

// drawFilter draws a filter for the tasks of a world with that many waves.
func drawFilter(t *rapid.T, waves int) (f task.Filter) {
	states := []task.State{task.Pending, task.Running, task.Paused, task.Failed, task.Completed, task.RollbackFailed}
	f.States = rapid.SliceOfNDistinct(rapid.SampledFrom(states), 0, 3, rapid.ID[task.State]).Draw(t, "states")
	if waves > 0 && rapid.Bool().Draw(t, "by wave") {
		f.Waves = []int{rapid.IntRange(1, waves).Draw(t, "wave")}
	}
	return f
}

// tasksCommand gives a command for the tasks that a filter selects.
func (w *world) tasksCommand(s plan.Sweep) {
	var reach plan.Reach
	for i := range w.tasks {
		reach.Count(&s, &w.plan, &w.tasks[i])
	}
	d, err := s.Queue(w.plan, reach, w.by("eve"))
	if errors.Is(err, plan.ErrSweepsFull) && len(w.plan.Sweeps) >= plan.MaxSweeps-1 {
		d, err = w.plan.Settle(w.now()), nil
		d.Unchanged = true
	}
	w.answer(d, err)
}

// halt applies the plan's control to every task that no worker holds.
func (w *world) halt() {
	var waiting []task.Task
	for _, t := range w.tasks {
		if t.State.InFlight() && t.Worker == "" {
			waiting = append(waiting, t)
		}
	}
	w.apply(w.plan.HaltTasks(waiting, w.by("")))
}

// held returns the tasks that workers hold.
func (w *world) held() []*task.Task {
	var held []*task.Task
	for i := range w.tasks {
		if w.tasks[i].Worker != "" {
			held = append(held, &w.tasks[i])
		}
	}
	return held
}

// drain makes engines do everything that is due without a command, now and later. Every worker that
// is asked to stop stops, and the others succeed.
func (w *world) drain() {
	w.meanwhile = nil
	for range 200 {
		before := w.steps
		w.apply(w.plan.UnmarkStarting(w.by("")))
		w.apply(w.plan.Settle(w.now()))
		w.sweep(3)
		w.halt()
		for w.claim() {
		}
		for _, t := range w.held() {
			if w.plan.StopFor(t.ID.Ordinal(), t.Control) != task.Go {
				w.yield(t)
			} else {
				w.work(t, "succeed")
			}
		}
		if w.steps != before {
			continue
		}
		in, wakes := w.plan.WakeIn()
		if w.plan.AtRest() || !wakes {
			return // the caller checks that it is at rest
		}
		w.pass(max(in, time.Millisecond))
	}
	w.t.Fatal("engines never come to an end")
}
