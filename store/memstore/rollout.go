package memstore

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// stage is how much of a plan there is.
type stage uint8

const (
	creating stage = iota
	complete
	leaving // being removed
)

// rollout is a plan with all that belongs to it.
type rollout struct {
	words *lexicon // shared, has its own lock
	clock *clock   // shared

	mu    sync.Mutex // guards what follows
	stage stage
	// plan's Facts are current except Idle and LastEvent, which snapshot fills in.
	plan      plan.Plan
	changedAt time.Time // the last change of the control, by the process's clock

	mark, hash, actor string // of the creation
	ttl               time.Duration

	// floor is what all tokens from now on are greater than.
	floor task.Token

	tasks    shelf
	held     []uint32 // ordinals; record.pos is the place in it
	running  ordinals
	undoing  ordinals
	pending  uint32 // Invariant: no task with a smaller ordinal is pending
	releases uint32 // counts the ends of holds
	undo     undoRound
	claims   claims
	commands ring
	log      eventLog
	cursors  map[string]cursor
}

// cursor is how far a named reader of a plan's events has come.
type cursor struct {
	owner string
	until time.Time
	seq   int64
}

// find returns the record of a task, or nil.
func (p *rollout) find(id task.ID) *record {
	o := id.Ordinal()
	if id.Plan() != p.plan.ID || o < 1 || o > p.tasks.n {
		return nil
	}
	return p.tasks.at(uint32(o))
}

// state is the state of a task as it is seen: the pending tasks of a plan that
// cancels them are cancelled.
func (p *rollout) state(r *record) task.State {
	if r.state == task.Pending && p.plan.State.CancelsPending() {
		return task.Canceled
	}
	return r.state
}

// stop is what is in force for a task.
func (p *rollout) stop(r *record) task.Stop {
	if !r.state.InFlight() {
		return task.Go
	}
	return p.plan.StopFor(task.Control{State: r.state, Request: r.request})
}

// shift moves a task to a state and a claim, 0 being nobody's, and keeps counters,
// sets and version in step with it.
func (p *rollout) shift(ordinal uint32, r *record, to task.State, claim uint32) {
	stays := claim != 0 && claim == r.claim
	if !stays {
		p.leave(r)
	}
	p.plan.Counters.Move(p.state(r), to)
	r.state, r.claim = to, claim
	r.version++
	switch {
	case stays:
	case claim != 0:
		p.claims.hold(claim)
		p.plan.Counters.Held++
		r.pos = uint32(len(p.held))
		p.held = append(p.held, ordinal)
	case to == task.Running:
		p.running.push(&p.tasks, ordinal)
	case to == task.RollingBack:
		p.undoing.push(&p.tasks, ordinal)
	}
}

// leave takes a task out of the set that it is in.
func (p *rollout) leave(r *record) {
	switch {
	case r.claim != 0:
		p.claims.release(r.claim)
		p.plan.Counters.Held--
		p.releases++
		r.released = p.releases
		last := p.held[len(p.held)-1]
		p.held[r.pos] = last
		p.tasks.at(last).pos = r.pos
		p.held = p.held[:len(p.held)-1]
	case r.state == task.Running:
		p.running.remove(&p.tasks, r.pos)
	case r.state == task.RollingBack:
		p.undoing.remove(&p.tasks, r.pos)
	}
}

// raised closes the door if the failed tasks, of which there is one more now, are
// above the grant's bound.
func (p *rollout) raised() {
	if p.plan.State == plan.Running && p.plan.Counters.Of(task.Failed) > p.plan.Grant.MaxFailed {
		p.plan.Breached = true
	}
}

// snapshot returns the plan for the caller to keep.
func (p *rollout) snapshot() plan.Plan {
	c := p.plan
	c.Control = ownControl(c.Control)
	c.Parameters = maps.Clone(c.Parameters)
	c.LastEvent = p.log.last
	c.Idle = max(0, time.Since(p.changedAt))
	return c
}

// ownControl returns c with memory of its own.
func ownControl(c plan.Control) plan.Control {
	c.Sweeps = slices.Clone(c.Sweeps)
	if c.Starting != nil {
		s := *c.Starting
		c.Starting = &s
	}
	return c
}

// export returns a task for the caller to keep.
func (p *rollout) export(ordinal uint32, r *record) task.Task {
	t := task.Task{
		ID:     task.NewID(p.plan.ID, int(ordinal)),
		Tenant: task.Tenant{ID: r.tenant},
		Control: task.Control{
			State: p.state(r), Attempt: int(r.attempt), Request: r.request,
			PausedIndividually: r.alone, Losses: int(r.losses),
		},
		Version:   uint64(r.version),
		Token:     r.token,
		StartedAt: r.started.time(), UpdatedAt: r.updated.time(), EndedAt: r.ended.time(),
	}
	if r.claim != 0 {
		t.Worker = p.claims.at(r.claim).worker
	}
	if r.step != "" {
		t.Checkpoint = &checkpoint.Checkpoint{Step: r.step, Data: slices.Clone(r.data)}
	}
	if m := r.more; m != nil {
		t.Tenant.Labels, t.Tenant.Parameters = maps.Clone(m.labels), maps.Clone(m.parameters)
		t.Undo = ownUndo(m.undo)
		t.Failure, t.RetriedAt = ownFailure(m.failure), m.retried
	}
	return t
}

// view is what a commit tells.
func (p *rollout) view() store.View {
	return store.View{
		State:          p.plan.State,
		Version:        p.plan.Version,
		Counters:       p.plan.Counters,
		Breached:       p.plan.Breached,
		UndosExhausted: p.plan.UndosExhausted,
		Claimable:      p.claimable(),
	}
}
