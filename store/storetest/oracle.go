package storetest

import (
	"errors"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// oracle is one plan in an obviously correct store: it copies whole values, and finds and counts
// tasks by going through all of them. Where the contract leaves a choice, it checks that the choice
// of the store under test is allowed, and follows it.
type oracle struct {
	// The plan's UndosExhausted is copied from the store; the oracle derives the other Facts.
	plan     plan.Plan
	tasks    []oracleTask
	events   []plan.Event
	releases int
	applied  map[string]bool // ids of commands
	now      time.Time       // the time on the store's clock, as the last answer told it
	// since, if set, is the time as the answer before that told it: the oracle judges a claim that
	// was carried out at a time between the two.
	since time.Time
	waves waveLog
	tail  []task.Tenant // what the addition under way has stored
}

type oracleTask struct {
	task.Task
	lastToken task.Token
	lastSeq   uint32
	claim     string // id of the claim that holds the task
	released  int    // value of oracle.releases when its last hold ended
	visited   bool   // claimed by the open undo round
	late      bool   // became undoable during the round: the round may undo it or not

	must, may bool // the version must, or may, have risen since the last comparison

	unknown bool          // Wait.Until is only the earliest possible time
	after   time.Duration // the After of the last Defer
}

func newOracle(p plan.Plan, tasks []task.Task) *oracle {
	o := &oracle{plan: p, applied: make(map[string]bool), now: p.Now}
	for _, t := range tasks {
		o.tasks = append(o.tasks, oracleTask{Task: t})
	}
	return o
}

// state returns a task's state as callers see it.
func (o *oracle) state(t *oracleTask) task.State {
	if t.State == task.Pending && o.plan.State.CancelsPending() {
		return task.Canceled
	}
	return t.State
}

// start records that a task that was to start has started.
func (t *oracleTask) start() {
	if t.Request == task.StartRequest {
		t.Request = task.NoRequest
	}
}

func (o *oracle) count() {
	var c plan.Counters
	for i := range o.tasks {
		t := &o.tasks[i]
		c.States[o.state(t)]++
		if t.Worker != "" {
			c.Held++
		}
		if t.Waiting {
			c.Waiting++
		}
		if t.Worker == "" {
			c.Unhold(t.Request, 1)
		}
	}
	o.plan.Counters = c
	o.countWaves()
	o.countGroups()
}

// countGroups counts the failed tasks of every group, of which there are few.
func (o *oracle) countGroups() {
	before := o.plan.FailureGroups
	o.plan.FailureGroups = groupsOf(o.tasks, func(t oracleTask) (task.State, *task.FailureInfo) { return t.State, t.Failure })
	keepAcknowledged(o.plan.FailureGroups, before)
}

func (o *oracle) stop(t *oracleTask) task.Stop {
	if !t.State.InFlight() {
		return task.Go
	}
	return o.plan.StopFor(t.ID.Ordinal(), t.Control)
}

func (o *oracle) tell(e plan.Event) {
	e.Seq, e.Plan, e.AtRest = int64(len(o.events))+1, o.plan.ID, false
	if e.Task != 0 {
		e.Tenant = o.tasks[e.Task.Ordinal()-1].Tenant.ID
	}
	o.events = append(o.events, e)
}

// end ends a commit that was sent after since; before is the number of events at its beginning.
func (o *oracle) end(before int, since time.Time) {
	o.count()
	if len(o.events) > before {
		o.trackEnd(since, o.now)
		o.events[len(o.events)-1].AtRest = o.plan.AtRest()
	}
}

func (o *oracle) release(t *oracleTask) {
	if t.Worker != "" {
		o.releases++
		t.Worker, t.claim, t.released, t.may = "", "", o.releases, true
	}
}

// move changes a task's state, for a cause.
func (o *oracle) move(t *oracleTask, to task.State, cause task.Cause) {
	e := plan.Event{Task: t.ID, Cause: cause.String(), From: t.State.String(), To: to.String(), Attempt: t.Attempt}
	if to == task.Failed || to == task.RollbackFailed {
		e.Failure = t.Failure
	}
	if to == task.RollbackFailed && o.plan.Undo.Open && !t.visited {
		t.late = true
	}
	t.State, t.must = to, true
	o.tell(e)
	o.count()
	if to == task.Failed && o.plan.State == plan.Running && o.exceeds(t.ID.Ordinal()) {
		o.plan.Breached = true
	}
}

// work applies one change and returns the expected answer.
func (o *oracle) work(w store.Change) store.Change {
	w.Err, w.Stop = nil, task.Go
	i := w.Task.Ordinal() - 1
	if w.Task.Plan() != o.plan.ID || i < 0 || i >= len(o.tasks) {
		w.Err = store.ErrNotFound
		return w
	}
	t := &o.tasks[i]
	switch {
	case w.Token == t.lastToken && w.Seq <= t.lastSeq:
	case t.Worker == "" || t.Token != w.Token:
		w.Err = store.ErrFenced
	default:
		if w.Err = o.change(t, w); w.Err == nil {
			t.lastToken, t.lastSeq = w.Token, w.Seq
		}
	}
	w.State = o.state(t)
	if w.Kind == store.Save && w.Err == nil {
		w.Stop = o.stop(t)
	}
	return w
}

var errImpossible = errors.New("storetest: impossible change")

// change applies a change by the worker that holds the task.
func (o *oracle) change(t *oracleTask, w store.Change) error {
	running := t.State == task.Running
	if fits := running; w.Kind != store.Save && w.Kind != store.Yield {
		switch {
		case w.Kind == store.Undone || w.Kind == store.UndoFail:
			fits = !running
		case w.Kind == store.Defer && w.Wait == task.WaitHold:
			fits = true
		}
		if !fits {
			return errImpossible
		}
	}
	stop, request := o.stop(t), t.Request
	t.Elapsed = w.Elapsed.Truncate(time.Millisecond)
	switch w.Kind {
	case store.Save:
		if w.UndoStep != "" {
			t.Undo, _, _ = t.Undo.Record(checkpoint.Undo{Step: w.UndoStep, Data: w.UndoData})
		}
		if w.Step != "" {
			t.Checkpoint, t.Losses = &checkpoint.Checkpoint{Step: w.Step, Data: w.Data}, 0
		}
		return nil
	case store.Complete:
		t.Checkpoint, t.Failure = nil, nil
		o.move(t, task.Completed, task.BySuccess)
	case store.Undone:
		t.Checkpoint, t.Failure, t.Undo = nil, nil, nil
		o.move(t, task.RolledBack, task.ByUndo)
	case store.Fail:
		t.keep(&w)
		o.move(t, task.Failed, task.ByFailure)
	case store.UndoFail:
		t.keep(&w)
		o.move(t, task.RollbackFailed, task.ByUndoFailure)
	case store.Yield:
		o.yield(t, w, stop)
	case store.Defer:
		o.postpone(t, w, stop)
	}
	if !t.State.InFlight() {
		t.PausedIndividually = t.State == task.Paused && request == task.PauseRequest
		t.Request = task.NoRequest
		if t.State != task.Paused {
			t.Wait = task.Wait{}
		}
	}
	o.release(t)
	o.count()
	return nil
}

// keep records a failure, and the attempt that it ended.
func (t *oracleTask) keep(w *store.Change) {
	t.Failure = w.Failure
	if w.Attempts != nil {
		t.Attempts = w.Attempts
	}
}

func (o *oracle) yield(t *oracleTask, w store.Change, stop task.Stop) {
	switch stop {
	case task.Go:
	case task.StopPause:
		o.move(t, task.Paused, task.ByPause)
	case task.StopCancel:
		if w.Failure != nil {
			t.keep(&w)
		}
		if t.State == task.RollingBack {
			o.move(t, task.RollbackFailed, task.ByUndoFailure)
		} else {
			o.move(t, task.Canceled, task.ByCancel)
		}
	}
}

// conflict reports whether a command must be refused.
func (o *oracle) conflict(c store.Command) bool {
	if c.Version != o.plan.Version || c.Failed >= 0 && c.Failed != o.plan.Counters.Of(task.Failed) {
		return true
	}
	if n := c.Plan.TaskCount - o.plan.TaskCount; n > 0 && n != len(o.tail) {
		return true
	}
	for _, e := range c.Edits {
		if o.tasks[e.ID.Ordinal()-1].Version != e.Version {
			return true
		}
	}
	return false
}

// apply applies a command that must not be refused and was answered at the time now.
func (o *oracle) apply(c store.Command, now time.Time) {
	before := len(o.events)
	o.applied[c.ID] = true
	var failed []int
	for _, e := range c.Edits {
		t := &o.tasks[e.ID.Ordinal()-1]
		if e.State == task.Failed && t.State != task.Failed {
			failed = append(failed, e.ID.Ordinal())
		}
		if e.Release {
			o.release(t)
		}
		if e.State == task.RollbackFailed && t.State != e.State && o.plan.Undo.Open && !t.visited {
			t.late = true
		}
		t.Control, t.Waiting, t.must = e.Control, false, true
		o.countGroups()
		if e.Attempts != nil {
			t.Attempts = e.Attempts
		}
		if e.DropCheckpoint {
			t.Checkpoint = nil
		}
		if e.DropUndo {
			t.Undo = nil
		}
	}
	if o.plan.Undo.Round != c.Plan.Undo.Round {
		o.plan.UndosExhausted = false
		for i := range o.tasks {
			o.tasks[i].visited, o.tasks[i].late = false, false
		}
	}
	o.countWaves() // the command may cancel the pending tasks, after which nothing counts any more
	if o.plan.Wave != c.Plan.Wave {
		o.plan.WaveEndedAt = time.Time{}
	}
	o.grow(&c.Plan)
	o.plan.Control = c.Plan.Control
	if c.Acknowledges {
		for i := range o.plan.FailureGroups {
			o.plan.FailureGroups[i].Acknowledged = o.plan.FailureGroups[i].Failed
		}
	}
	for _, e := range c.Events {
		o.tell(e)
		if e.Task == 0 && e.From != e.To {
			o.plan.Breached = false
		}
	}
	o.count()
	for _, ordinal := range failed {
		if o.plan.State == plan.Running && o.exceeds(ordinal) {
			o.plan.Breached = true
		}
	}
	since := o.now
	o.now = now
	o.trackEnd(since, now)
	o.end(before, since)
}
