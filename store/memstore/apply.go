package memstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Apply implements store.Writer.
func (s *Store) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	if err := c.Check(); err != nil {
		return store.Applied{}, err
	}
	p, err := s.visible(ctx, c.Plan.ID)
	if err != nil {
		return store.Applied{}, err
	}
	a, err := p.applyOnce(&c, s.clock.now())
	applied := err == nil && !a.Repeated
	if applied {
		// The plan is still locked here, so that no engine reschedules it without having seen the
		// command.
		s.agenda.wake(c.Plan.ID)
	}
	p.mu.Unlock()
	if applied {
		s.hints.give(store.Hint{Plan: c.Plan.ID})
	}
	return a, err
}

// applyOnce applies a command unless the same command was applied already.
func (p *rollout) applyOnce(c *store.Command, at stamp) (store.Applied, error) {
	if p.commands.has(c.ID) {
		return store.Applied{Plan: p.snapshot(), Repeated: true}, nil
	}
	if err := p.check(c); err != nil {
		return store.Applied{}, err
	}
	p.apply(c, at)
	return store.Applied{Plan: p.snapshot()}, nil
}

// check compares the current versions with those that the decision was based on.
func (p *rollout) check(c *store.Command) error {
	if c.Version != p.plan.Version {
		return fmt.Errorf("%w: plan %s is at version %d, not %d", store.ErrConflict, p.plan.ID, p.plan.Version, c.Version)
	}
	if failed := p.plan.Counters.Of(task.Failed); c.Failed >= 0 && c.Failed != failed {
		return fmt.Errorf("%w: plan %s has %d failed tasks, not %d", store.ErrConflict, p.plan.ID, failed, c.Failed)
	}
	if err := p.checkAddition(&c.Plan); err != nil {
		return err
	}
	for i := range c.Edits {
		e := &c.Edits[i]
		r := p.find(e.ID)
		if r == nil {
			return fmt.Errorf("%w: task %s", store.ErrNotFound, e.ID)
		}
		if uint64(r.version) != e.Version {
			return fmt.Errorf("%w: task %s is at version %d, not %d", store.ErrConflict, e.ID, r.version, e.Version)
		}
	}
	return nil
}

// apply writes a decision that check has accepted.
func (p *rollout) apply(c *store.Command, at stamp) {
	before := p.log.last
	if c.RaiseTokens {
		p.floor = p.clock.floor()
	}
	var failed []uint32
	for i := range c.Edits {
		if e := &c.Edits[i]; p.edit(e, at) {
			failed = append(failed, uint32(e.ID.Ordinal()))
		}
	}
	pendingEnds := !p.plan.State.CancelsPending() && c.Plan.State.CancelsPending()
	if p.plan.Wave != c.Plan.Wave {
		p.plan.WaveEndedAt = time.Time{} // it was that of the wave before
	}
	p.grow(&c.Plan)
	p.plan.Control = ownControl(c.Plan.Control)
	p.plan.Version++
	p.changedAt = time.Now()
	if c.Acknowledges {
		p.plan.FailureGroups.Acknowledge()
	}
	if pendingEnds {
		p.plan.Counters.CancelPending()
	}
	if transition(c.Events) {
		p.plan.Breached = false
	}
	for _, ordinal := range failed {
		p.raised(ordinal)
	}
	if r := p.plan.Undo.Round; r != p.undo.round {
		p.undo = undoRound{round: r}
		p.plan.UndosExhausted = false
	}
	p.seekUndo()
	p.plan.TrackWaveEnd(at.time())
	p.commands.add(c.ID)
	for i := range c.Events {
		p.log.add(p.entry(&c.Events[i], at))
	}
	p.endCommit(before, at)
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
func (p *rollout) edit(e *task.Edit, at stamp) (failed bool) {
	ordinal := uint32(e.ID.Ordinal())
	r := p.tasks.at(ordinal)
	from, before := p.state(r), r.failure()
	claim := r.claim
	if e.Release || !e.State.InFlight() {
		claim = 0
	}
	if from != e.State || claim != r.claim || r.parked || r.claim == 0 && r.request != e.Request {
		p.shift(ordinal, r, e.State, claim, e.Request)
	} else {
		r.version++
	}
	r.setControl(e.Control)
	p.plan.FailureGroups.Move(from, e.State, before, r.failure(), p.plan.Counters.Of(task.Failed))
	if e.DropCheckpoint {
		r.dropCheckpoint()
	}
	if e.DropUndo {
		r.dropUndo()
	}
	r.updated = at
	if from != e.State {
		r.ended = at.ifEnded(e.State, r.ended)
	}
	return from != e.State && e.State == task.Failed
}
