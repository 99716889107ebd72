package rules

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// step is a commit or a command under way.
type step struct {
	p      *Plan
	r      Rows
	at     Stamp
	now    time.Time  // at
	newest task.Token // the greatest token that was issued in any plan
	// unknown is the queue of which too little was loaded to tell what a claim takes next, 0 if it
	// is none.
	unknown Queue
}

// Commit carries out the changes and the claim of a commit that passed its Check. It writes the
// answers into b, but for b.Claimed, of which the outcome has the ordinals.
//
// It changes p.Facts and p.Marks, and tasks.
func Commit(p *Plan, r Rows, b *store.Batch, m Moment) Outcome {
	s := step{p: p, r: r, at: m.Now, now: m.Now.Time(), newest: m.Newest}
	before := p.LastEvent
	for i := range b.Changes {
		s.applyChange(&b.Changes[i])
	}
	p.claimed = p.claimed[:0]
	if b.Claim.Max > 0 {
		s.claim(&b.Claim)
	}
	rests := s.end(before)
	s.view(&b.View)
	return Outcome{AtRest: rests, Newest: s.newest, Claimed: p.claimed}
}

// end ends a step that began when the newest event was before, and reports whether its last event
// leaves the plan at rest. A step without events has counted nothing.
func (s *step) end(before int64) (rests bool) {
	if s.p.LastEvent == before {
		return false
	}
	p := s.p
	p.TrackWaveEnd(s.now)
	if p.Counters.InFlight() > 0 || p.State == plan.Running && p.Gate != plan.GateApproval && p.Counters.Of(task.Paused) == 0 {
		return false // as AtRest would say, but it copies the plan
	}
	return p.AtRest()
}

// log writes an event of a task.
func (s *step) log(e Event) {
	s.p.LastEvent++
	s.r.Log(e)
}

// applyChange applies one change and sets its answer.
func (s *step) applyChange(w *store.Change) {
	w.Err, w.Stop, w.State = nil, task.Go, task.Pending
	o := w.Task.Ordinal()
	if w.Task.Plan() != s.p.ID || o < 1 || o > s.p.TaskCount {
		w.Err = store.ErrNotFound
		return
	}
	ordinal := uint32(o)
	t := s.r.Task(ordinal)
	if t == nil {
		w.Err = store.ErrNotFound
		return
	}
	switch {
	case w.Token != 0 && w.Token == t.LastToken && w.Seq <= t.LastSeq:
		// A repeat after a lost answer: the change was applied, whatever has happened after it.
	case t.Claim == 0 || w.Token != t.Token:
		w.Err = s.fenced(w, t)
	default:
		if w.Err = s.change(w, ordinal, t); w.Err == nil {
			t.LastToken, t.LastSeq = w.Token, w.Seq
		}
	}
	w.State = s.p.StateOf(t)
	if w.Kind == store.Save && w.Err == nil {
		w.Stop = s.p.StopOf(ordinal, t)
	}
}

func (s *step) fenced(w *store.Change, t *Task) error {
	e := &store.FencedError{Task: w.Task, Token: w.Token, Newest: t.Token}
	if t.Claim != 0 {
		e.Worker = s.r.Worker(t.Claim)
	}
	return e
}

// illegal returns the error for a change that is impossible in the task's state.
func illegal(w *store.Change, s task.State) error {
	return &store.CorruptError{
		Key:    "task " + w.Task.String(),
		Reason: fmt.Sprintf("work of kind %d in state %s", w.Kind, s),
	}
}

// change applies a change by the worker that holds the task.
func (s *step) change(w *store.Change, ordinal uint32, t *Task) error {
	place := t.Place()
	if w.Kind == store.Save {
		if err := save(w, t, s.at); err != nil {
			return err
		}
		s.r.Changed(ordinal, t, place)
		return nil
	}
	from := t.State
	to, cause, ok := s.outcome(w, ordinal, t)
	if !ok {
		return illegal(w, from)
	}
	if w.RaiseTokens && w.Kind == store.Yield {
		s.raiseFloor()
	}
	t.Updated = s.at
	t.setElapsed(w.Elapsed)
	deferred := w.Kind == store.Defer && (from == to || cause == task.ByPause)
	if deferred {
		s.beginWait(w, ordinal, t)
	}
	s.p.shift(ordinal, t, to, 0, t.Request)
	switch {
	case from != to:
		s.settle(w, ordinal, t, from, cause)
	case deferred:
		s.p.park(t)
	}
	s.r.Changed(ordinal, t, place)
	return nil
}

// settle writes the consequences of a change of state by a worker.
func (s *step) settle(w *store.Change, ordinal uint32, t *Task, from task.State, cause task.Cause) {
	p, to := s.p, t.State
	t.settle(w, cause)
	t.Ended = s.at.ifEnded(to, t.Ended)
	e := Event{At: s.at, Ordinal: ordinal, Attempt: t.Attempt, Cause: cause, From: from, To: to}
	if to == task.Failed || to == task.RollbackFailed {
		e.Failure = t.failure()
	}
	s.log(e)
	if to == task.Failed {
		p.FailureGroups.Move(from, to, nil, t.failure(), p.Counters.Of(task.Failed))
		p.failed(ordinal, t)
	}
}

// outcome returns the state to which a release moves the task, and the cause. If the task stays for
// another worker, to is its current state and cause is 0. ok is false if kind cannot end a hold in
// that state.
func (s *step) outcome(w *store.Change, ordinal uint32, t *Task) (to task.State, cause task.Cause, ok bool) {
	switch w.Kind {
	case store.Complete:
		cause = task.BySuccess
	case store.Fail:
		cause = task.ByFailure
	case store.Undone:
		cause = task.ByUndo
	case store.UndoFail:
		cause = task.ByUndoFailure
	case store.Defer, store.Yield:
		if w.Kind == store.Defer && t.State == task.RollingBack && w.Wait != task.WaitHold && w.Wait != task.WaitPlace {
			return t.State, 0, false
		}
		stop := s.p.StopOf(ordinal, t)
		switch {
		case stop == task.Go:
			return t.State, 0, true
		case t.State == task.RollingBack:
			cause = task.ByUndoFailure
		case stop == task.StopPause:
			cause = task.ByPause
		default:
			cause = task.ByCancel
		}
	case store.Save:
		return t.State, 0, false
	default:
		return t.State, 0, false
	}
	to, ok = t.State.Next(cause)
	return to, cause, ok
}

// raiseFloor makes all later tokens of the plan greater than all that were issued.
func (s *step) raiseFloor() { s.p.Marks.Floor = max(s.p.Marks.Floor, s.newest) }

// failed is called after a task has failed. It breaches a running plan if more tasks are failed now
// than the plan, the wave of the task, or its failure group tolerates.
func (p *Plan) failed(ordinal uint32, t *Task) {
	if p.State == plan.Running && p.Exceeds(int(ordinal), t.failure()) {
		p.Breached = true
	}
}
