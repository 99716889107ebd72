package memstore

import (
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// claim assigns tasks to c and appends them to got.
func (p *rollout) claim(c store.Claim, at stamp, got []task.Task) []task.Task {
	if i, ok := p.claims.find(c.ID); ok {
		return p.claimed(i, got)
	}
	if c.RaiseTokens {
		p.floor = p.clock.floor()
	}
	var chosen *choice
	if c.Chosen {
		chosen = &choice{left: c.Pending}
	}
	var i uint32 // the claim, once it is assigned a task
	for len(got) < c.Max {
		ordinal, r := p.next(at, chosen)
		if r == nil {
			break
		}
		if !r.parked && r.state.InFlight() && r.wait().until > at {
			p.park(ordinal, r) // it was paused during its wait
			r.version++
			continue
		}
		if i == 0 {
			i = p.claims.add(c.ID, c.Worker)
		}
		p.take(ordinal, r, i, at)
		got = append(got, p.export(ordinal, r))
	}
	p.seekUndo()
	return got
}

// claimed appends the tasks that claim i was assigned and still holds.
func (p *rollout) claimed(i uint32, got []task.Task) []task.Task {
	if p.claims.at(i).held == 0 {
		return got
	}
	for _, ordinal := range p.held {
		if r := p.tasks.at(ordinal); r.claim == i {
			got = append(got, p.export(ordinal, r))
		}
	}
	return got
}

// claimable reports whether a claim would find a task.
func (p *rollout) claimable(at stamp) bool {
	_, r := p.next(at, nil)
	return r != nil
}

// choice are the pending tasks that a claim may be assigned.
type choice struct{ left []int }

// next returns the task that the next claim is assigned or, if it was paused during its wait, makes
// wait again; nil if there is none. With a choice, only the pending tasks in it count.
func (p *rollout) next(at stamp, chosen *choice) (uint32, *record) {
	ordinal := p.due(at)
	switch {
	case ordinal != 0: // it has its slot
	case p.plan.Counters.Slots() >= p.plan.Grant.MaxSlots:
		return 0, nil
	case p.exempt.first() > 0 && p.takes(task.ExemptRequest):
		ordinal = p.exempt.first()
	case p.running.first() > 0 && p.takes(task.NoRequest):
		ordinal = p.running.first()
	case p.starting.first() > 0 && p.takes(task.StartRequest):
		ordinal = p.starting.first()
	case p.undoing.first() > 0 && !p.plan.Undo.Stopping:
		ordinal = p.undoing.first()
	default:
		if ordinal = p.seekUndo(); ordinal == 0 {
			ordinal = p.nextPending(at, chosen)
		}
		if ordinal == 0 {
			return 0, nil
		}
	}
	return ordinal, p.tasks.at(ordinal)
}

// takes reports whether running tasks with that request, which no worker holds, are claimed.
func (p *rollout) takes(r task.Request) bool { return p.plan.Claims(r, p.plan.Breached) }

// nextPending returns the first pending task that the grant allows to start, or 0.
func (p *rollout) nextPending(at stamp, chosen *choice) uint32 {
	c := &p.plan
	if c.Breached || c.State.CancelsPending() || !c.Admits() || !c.Grant.Opens(at.time()) {
		return 0
	}
	open := uint32(max(0, min(c.Grant.LastOrdinal, p.tasks.n)))
	if chosen != nil {
		return p.nextChosen(open, chosen)
	}
	for ; p.pending <= open; p.pending++ {
		if p.tasks.at(p.pending).state == task.Pending {
			return p.pending
		}
	}
	return 0
}

// nextChosen returns the first task of a choice that is pending, up to the ordinal open, or 0.
func (p *rollout) nextChosen(open uint32, chosen *choice) uint32 {
	for ; len(chosen.left) > 0; chosen.left = chosen.left[1:] {
		n := chosen.left[0]
		if n >= 1 && n <= int(open) && p.tasks.at(uint32(n)).state == task.Pending {
			return uint32(n)
		}
	}
	return 0
}

// take assigns a task to a claim.
func (p *rollout) take(ordinal uint32, r *record, claim uint32, at stamp) {
	from, to := r.state, r.state
	e := entry{at: at, ordinal: ordinal}
	switch {
	case from.InFlight():
	case from == task.Pending:
		to = task.Running
		e.cause = taskCause(task.ByClaim)
		r.attempt, r.started = 1, at
	default:
		to = task.RollingBack
		e.cause = taskCause(task.ByRollback)
		r.alone, r.losses = false, 0
		r.setWait(waitRecord{})
		r.setElapsed(0)
	}
	r.token = p.clock.token(at, r.token, p.floor)
	r.updated = at
	asked := r.request
	if asked == task.StartRequest {
		asked = task.NoRequest
	}
	p.shift(ordinal, r, to, claim, asked)
	if from == task.Failed {
		p.plan.FailureGroups.Move(from, to, r.failure(), nil, p.plan.Counters.Of(task.Failed))
	}
	if from != to {
		e.from, e.to, e.attempt = taskState(from), taskState(to), r.attempt
		p.log.add(e)
	}
}

// undoRound is the progress of the open undo round.
type undoRound struct {
	// round is the Undo.Round of the plan to which the other fields belong.
	round int
	// begun reports whether next and order are set.
	begun bool
	// next is the ordinal to check next, below first after the last. In a sequential plan it is the
	// number of entries of order that are left, and first is 1.
	next, first uint32
	order       []uint32
}

// seekUndo advances the open undo round to the next task to undo and returns its ordinal. It
// returns 0 if no task is left to undo, and then sets UndosExhausted.
func (p *rollout) seekUndo() uint32 {
	if !p.plan.Undo.Open || p.plan.UndosExhausted {
		return 0
	}
	u := &p.undo
	if !u.begun {
		u.begin(p)
	}
	for ; u.next >= u.first; u.next-- {
		ordinal := u.next
		if u.order != nil {
			ordinal = u.order[u.next-1]
		}
		r := p.tasks.at(ordinal)
		if (task.Control{State: r.state, Attempt: int(r.attempt)}).Undoable() {
			return ordinal
		}
	}
	p.plan.UndosExhausted = true
	u.order = nil
	return 0
}
