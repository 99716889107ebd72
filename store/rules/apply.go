package rules

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Apply carries out a command that passed its Check, or returns an error and changes nothing. The
// store appends the events of the command to the log itself, after those that there are. They are
// counted in p.LastEvent already.
//
// It changes everything of p but what never changes, and tasks.
func Apply(p *Plan, r Rows, c *store.Command, m Moment) (Outcome, error) {
	if p.Commands.Has(c.ID) {
		return Outcome{Newest: m.Newest, Repeated: true}, nil
	}
	s := step{p: p, r: r, at: m.Now, now: m.Now.Time(), newest: m.Newest}
	if err := s.check(c); err != nil {
		return Outcome{Newest: m.Newest}, err
	}
	return s.apply(c), nil
}

// check compares the current versions with those that the decision was based on.
func (s *step) check(c *store.Command) error {
	p := s.p
	if c.Version != p.Version {
		return fmt.Errorf("%w: plan %s is at version %d, not %d", store.ErrConflict, p.ID, p.Version, c.Version)
	}
	if failed := p.Counters.Of(task.Failed); c.Failed >= 0 && c.Failed != failed {
		return fmt.Errorf("%w: plan %s has %d failed tasks, not %d", store.ErrConflict, p.ID, failed, c.Failed)
	}
	if err := p.checkAddition(&c.Plan); err != nil {
		return err
	}
	for i := range c.Edits {
		e := &c.Edits[i]
		t := s.find(e.ID)
		if t == nil {
			return fmt.Errorf("%w: task %s", store.ErrNotFound, e.ID)
		}
		if uint64(t.Version) != e.Version {
			return fmt.Errorf("%w: task %s is at version %d, not %d", store.ErrConflict, e.ID, t.Version, e.Version)
		}
	}
	return nil
}

// find returns a task, or nil.
func (s *step) find(id task.ID) *Task {
	o := id.Ordinal()
	if id.Plan() != s.p.ID || o < 1 || o > s.p.TaskCount {
		return nil
	}
	return s.r.Task(uint32(o))
}

// apply writes a decision that check has accepted.
func (s *step) apply(c *store.Command) Outcome {
	p, before := s.p, s.p.LastEvent
	if c.RaiseTokens {
		s.raiseFloor()
	}
	var failed []uint32
	for i := range c.Edits {
		if e := &c.Edits[i]; s.edit(e) {
			failed = append(failed, uint32(e.ID.Ordinal()))
		}
	}
	pendingEnds := !p.State.CancelsPending() && c.Plan.State.CancelsPending()
	if p.Wave != c.Plan.Wave {
		p.WaveEndedAt = time.Time{} // it was that of the wave before
	}
	var done Outcome
	p.grow(&c.Plan, &done)
	p.Control = ownControl(c.Plan.Control)
	p.Version++
	if c.Acknowledges {
		p.FailureGroups.Acknowledge()
	}
	if pendingEnds {
		p.Counters.CancelPending()
	}
	if transition(c.Events) {
		p.Breached = false
	}
	for _, ordinal := range failed {
		p.failed(ordinal, s.r.Task(ordinal))
	}
	if round := p.Undo.Round; round != p.Marks.Round {
		p.Marks.Round, p.Marks.Undo = round, 0
		p.UndosExhausted = false
	}
	s.nextUndo()
	p.TrackWaveEnd(s.now)
	p.Commands.add(c.ID)
	p.LastEvent += int64(len(c.Events))
	done.AtRest, done.Newest = s.end(before), s.newest
	return done
}

// transition reports whether one of the events is a change of the plan's own state.
func transition(events []plan.Event) bool {
	for i := range events {
		if e := &events[i]; e.Task == 0 && e.From != e.To {
			return true
		}
	}
	return false
}

// edit writes one edit and reports whether it made the task fail.
func (s *step) edit(e *task.Edit) (failed bool) {
	p, ordinal := s.p, uint32(e.ID.Ordinal())
	t := s.r.Task(ordinal)
	place := t.Place()
	from, before := p.StateOf(t), t.failure()
	claim := t.Claim
	if e.Release || !e.State.InFlight() {
		claim = 0
	}
	if from != e.State || claim != t.Claim || t.Waiting || t.Claim == 0 && t.Request != e.Request {
		p.shift(ordinal, t, e.State, claim, e.Request)
	} else {
		t.Version++
	}
	t.setControl(e.Control)
	t.setAttempts(e.Attempts)
	p.FailureGroups.Move(from, e.State, before, t.failure(), p.Counters.Of(task.Failed))
	if e.DropCheckpoint {
		t.dropCheckpoint()
	}
	if e.DropUndo {
		t.dropUndo()
	}
	t.Updated = s.at
	if from != e.State {
		t.Ended = s.at.ifEnded(e.State, t.Ended)
	}
	s.r.Changed(ordinal, t, place)
	return from != e.State && e.State == task.Failed
}

// setControl writes the fields that commands change, except the state.
func (t *Task) setControl(c task.Control) {
	t.Attempt, t.Losses = uint32(c.Attempt), uint32(c.Losses)
	t.Request, t.PausedIndividually = c.Request, c.PausedIndividually
	t.setFailure(ownFailure(c.Failure))
	if t.More != nil || !c.RetriedAt.IsZero() {
		t.extra().Retried = c.RetriedAt
	}
	t.setWait(Wait{Why: c.Wait.Why, Until: StampOf(c.Wait.Until)})
	t.setElapsed(c.Elapsed)
}

func (c *Commands) add(id string) {
	if len(c.IDs) < store.KeptCommands {
		c.IDs = append(c.IDs, id)
		return
	}
	c.IDs[c.Next] = id
	c.Next = (c.Next + 1) % store.KeptCommands
}
