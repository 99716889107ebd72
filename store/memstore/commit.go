package memstore

import (
	"context"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	b.Claimed = b.Claimed[:0]
	if err := b.Check(); err != nil {
		return err
	}
	p, err := s.visible(ctx, b.Plan)
	if err != nil {
		return err
	}
	at := s.clock.now()
	before := p.log.last
	for i := range b.Changes {
		p.applyChange(&b.Changes[i], at)
	}
	if b.Claim.Max > 0 {
		b.Claimed = p.claim(b.Claim, at, b.Claimed)
	}
	p.endCommit(before, at)
	p.view(at, &b.View)
	changed, back := p.log.last != before, b.Yields()
	if back {
		s.agenda.wake(b.Plan)
	}
	p.mu.Unlock()
	if step := back || b.View.Breached || b.View.Counters.InFlight() == 0; back || changed {
		s.hints.give(store.Hint{Plan: b.Plan, OnlyEvents: !step}) // the plan needs an engine's step, or is at rest, or is only watched
	}
	return nil
}

// endCommit ends a commit; before is the length of the log when it began. A commit without events
// has counted nothing. endCommit notes when the open wave has ended, marks the last event if the
// plan is at rest now, and drops events that need not be kept.
func (p *rollout) endCommit(before int64, at stamp) {
	if p.log.last == before {
		return
	}
	p.plan.TrackWaveEnd(at.time())
	if p.plan.Counters.InFlight() == 0 && p.plan.AtRest() {
		p.log.markAtRest()
	}
	p.log.trim()
}

// applyChange applies one change and sets its answer.
func (p *rollout) applyChange(w *store.Change, at stamp) {
	w.Err, w.Stop, w.State = nil, task.Go, task.Pending
	r := p.find(w.Task)
	if r == nil {
		w.Err = store.ErrNotFound
		return
	}
	switch {
	case w.Token != 0 && w.Token == r.lastToken && w.Seq <= r.lastSeq:
		// A repeat after a lost answer: the change was applied, whatever has happened after it.
	case r.claim == 0 || w.Token != r.token:
		w.Err = p.fenced(w, r)
	default:
		if w.Err = p.change(w, r, at); w.Err == nil {
			r.lastToken, r.lastSeq = w.Token, w.Seq
		}
	}
	w.State = p.state(r)
	if w.Kind == store.Save && w.Err == nil {
		w.Stop = p.stop(uint32(w.Task.Ordinal()), r)
	}
}

func (p *rollout) fenced(w *store.Change, r *record) error {
	e := &store.FencedError{Task: w.Task, Token: w.Token, Newest: r.token}
	if r.claim != 0 {
		e.Worker = p.claims.at(r.claim).worker
	}
	return e
}

// change applies a change by the worker that holds the task.
func (p *rollout) change(w *store.Change, r *record, at stamp) error {
	if w.Kind == store.Save {
		return save(w, r, at)
	}
	from := r.state
	to, cause, ok := p.outcome(w, r)
	if !ok {
		return illegal(w, from)
	}
	if w.RaiseTokens && w.Kind == store.Yield {
		p.floor = p.clock.floor()
	}
	ordinal := uint32(w.Task.Ordinal())
	r.updated = at
	r.setElapsed(w.Elapsed)
	deferred := w.Kind == store.Defer && (from == to || cause == task.ByPause)
	if deferred {
		p.beginWait(w, ordinal, r, at)
	}
	p.shift(ordinal, r, to, 0, r.request)
	if from == to {
		if deferred {
			p.park(ordinal, r)
		}
		return nil
	}
	settle(w, r, cause)
	r.ended = at.ifEnded(to, r.ended)
	e := entry{
		at: at, ordinal: ordinal, attempt: r.attempt,
		cause: taskCause(cause), from: taskState(from), to: taskState(to),
	}
	if to == task.Failed || to == task.RollbackFailed {
		e.detail = failureDetail(r.failure())
	}
	p.log.add(e)
	if to == task.Failed {
		p.plan.FailureGroups.Move(from, to, nil, r.failure(), p.plan.Counters.Of(task.Failed))
		p.raised(ordinal)
	}
	return nil
}

// outcome returns the state to which a release moves the task, and the cause. If the task stays for
// another worker, to is its current state and cause is 0. ok is false if kind cannot end a hold in
// that state.
func (p *rollout) outcome(w *store.Change, r *record) (to task.State, cause task.Cause, ok bool) {
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
		if w.Kind == store.Defer && r.state == task.RollingBack && w.Wait != task.WaitHold {
			return r.state, 0, false
		}
		stop := p.stop(uint32(w.Task.Ordinal()), r)
		switch {
		case stop == task.Go:
			return r.state, 0, true
		case r.state == task.RollingBack:
			cause = task.ByUndoFailure
		case stop == task.StopPause:
			cause = task.ByPause
		default:
			cause = task.ByCancel
		}
	case store.Save:
		return r.state, 0, false
	default:
		return r.state, 0, false
	}
	to, ok = r.state.Next(cause)
	return to, cause, ok
}

// settle writes the consequences of a change of state by a worker.
func settle(w *store.Change, r *record, cause task.Cause) {
	r.alone = cause == task.ByPause && r.request == task.PauseRequest
	r.request = task.NoRequest
	if cause != task.ByPause {
		r.setWait(waitRecord{})
	}
	switch cause {
	case task.BySuccess:
		r.dropCheckpoint()
		r.setFailure(nil)
	case task.ByUndo:
		r.dropCheckpoint()
		r.dropUndo()
		r.setFailure(nil)
	case task.ByFailure, task.ByUndoFailure, task.ByCancel:
		if w.Failure != nil {
			r.setFailure(ownFailure(w.Failure))
		}
	case task.ByPause: // any failure is dropped, because the executor was asked to stop
	case task.ByClaim, task.BySkip, task.ByResume, task.ByRetry, task.ByRollback:
	}
}
