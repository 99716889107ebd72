package rules

import (
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// claim assigns tasks to c and appends them to s.p.claimed.
func (s *step) claim(c *store.Claim) {
	p := s.p
	number, known := s.r.Claim(c.ID)
	if known {
		p.claimed = s.r.Held(number, p.claimed)
		return
	}
	if c.RaiseTokens {
		s.raiseFloor()
	}
	chosen := c.Pending
	for len(p.claimed) < c.Max {
		ordinal := s.next(c.Chosen, &chosen)
		if ordinal == 0 {
			break
		}
		t := s.r.Task(ordinal)
		if !t.Waiting && t.State.InFlight() && t.WaitUntil() > s.at {
			place := t.Place()
			p.park(t) // it was paused during its wait
			t.Version++
			s.r.Changed(ordinal, t, place)
			continue
		}
		if number == 0 {
			number = s.r.Open(c.ID, c.Worker)
		}
		s.take(ordinal, t, number)
		p.claimed = append(p.claimed, ordinal)
	}
	s.nextUndo()
}

// next returns the task that the next claim is assigned or, if it was paused during its wait, makes
// wait again; 0 if there is none, or if that is unknown. For a claim by choice only the pending
// tasks in chosen count.
func (s *step) next(choice bool, chosen *[]int) (ordinal uint32) {
	p := s.p
	if p.Counters.Waiting > 0 {
		if ordinal = s.due(); ordinal != 0 { // it has its slot
			return ordinal
		}
	}
	slots := p.Counters.Slots()
	if slots >= p.Grant.MaxSlots {
		return 0
	}
	if p.Counters.InFlight() > slots {
		if ordinal = s.nextUnheld(); ordinal != 0 || s.unknown != 0 {
			return ordinal
		}
	}
	if p.Undo.Open {
		if ordinal = s.nextUndo(); ordinal != 0 || s.unknown != 0 {
			return ordinal
		}
	}
	return s.nextPending(choice, chosen)
}

// first returns the first task of a queue as Rows.Next does, and notes if it is unknown.
func (s *step) first(q Queue, from, until uint32) uint32 {
	first, known := s.r.Next(q, from, until)
	if s.unknown = 0; !known {
		s.unknown = q
	}
	return first
}

// nextUnheld returns the next task in flight that no worker holds and that is not Waiting, or 0.
func (s *step) nextUnheld() uint32 {
	for q := Exempt; q <= Undoing; q++ {
		if !s.serves(q) {
			continue
		}
		first := s.first(q, 0, 0)
		if s.unknown != 0 {
			return 0
		}
		if first != 0 {
			return first
		}
	}
	return 0
}

// serves reports whether tasks of one of the first queues, from Exempt to Undoing, are claimed.
func (s *step) serves(q Queue) bool {
	if q == Undoing {
		return !s.p.Undo.Stopping
	}
	return s.takes([...]task.Request{Exempt: task.ExemptRequest, Running: task.NoRequest, Starting: task.StartRequest}[q])
}

// takes reports whether running tasks with that request, which no worker holds, are claimed.
func (s *step) takes(r task.Request) bool { return s.p.Claims(r, s.p.Breached) }

// nextPending returns the first pending task that the grant allows to begin, or 0.
func (s *step) nextPending(choice bool, chosen *[]int) uint32 {
	p := s.p
	if p.Counters.Of(task.Pending) == 0 || p.Breached || p.State.CancelsPending() || !p.Admits() || !p.Grant.Opens(s.now) {
		return 0
	}
	last := uint32(max(0, min(p.Grant.LastOrdinal, p.TaskCount)))
	if choice {
		return s.nextChosen(last, chosen)
	}
	from := max(1, p.Marks.Pending)
	if from > last {
		return 0
	}
	switch first := s.first(Pending, from, last); {
	case s.unknown != 0:
		p.Marks.Pending = max(from, first+1)
		return 0
	case first == 0:
		p.Marks.Pending = last + 1
		return 0
	default:
		p.Marks.Pending = first
		return first
	}
}

// nextChosen returns the first task of a choice that is pending, up to the ordinal last, or 0.
func (s *step) nextChosen(last uint32, chosen *[]int) uint32 {
	for ; len(*chosen) > 0; *chosen = (*chosen)[1:] {
		n := (*chosen)[0]
		if n < 1 || n > int(last) {
			continue
		}
		if t := s.r.Task(uint32(n)); t != nil && t.State == task.Pending {
			return uint32(n)
		}
	}
	return 0
}

// take assigns a task to a claim.
func (s *step) take(ordinal uint32, t *Task, claim uint32) {
	p, place := s.p, t.Place()
	from, to := t.State, t.State
	var cause task.Cause
	switch {
	case from.InFlight():
	case from == task.Pending:
		to, cause = task.Running, task.ByClaim
		t.Attempt, t.Started = 1, s.at
	default:
		to, cause = task.RollingBack, task.ByRollback
		if !p.Sequential() {
			p.Marks.Undo = min(p.Marks.Undo, ordinal) // the round has reached it, even if its undo fails
		}
		t.PausedIndividually, t.Losses = false, 0
		t.setWait(Wait{})
		t.setElapsed(0)
	}
	t.Token = max(t.Token+1, p.Marks.Floor+1, task.Token(s.at/1000))
	s.newest = max(s.newest, t.Token)
	t.Updated = s.at
	asked := t.Request
	if asked == task.StartRequest {
		asked = task.NoRequest
	}
	p.shift(ordinal, t, to, claim, asked)
	if from == task.Failed {
		p.FailureGroups.Move(from, to, t.failure(), nil, p.Counters.Of(task.Failed))
	}
	if from != to {
		s.log(Event{At: s.at, Ordinal: ordinal, Attempt: t.Attempt, Cause: cause, From: from, To: to})
	}
	s.r.Changed(ordinal, t, place)
}
