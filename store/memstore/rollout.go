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

// stage is the stage of a plan between creation and removal.
type stage uint8

const (
	creating stage = iota
	complete
	leaving // the plan is being removed
)

// rollout is a plan with all its data.
type rollout struct {
	words *lexicon // shared, has its own lock
	clock *clock   // shared

	mu    sync.Mutex // guards the fields below
	stage stage
	// plan's Facts are current except Idle and LastEvent, which snapshot fills in.
	plan      plan.Plan
	changedAt time.Time // the last change of the control, by time.Now

	mark, hash, actor string // values of the creation
	ttl               time.Duration

	// floor is a lower bound: tokens issued from now on are greater.
	floor task.Token

	tasks         shelf
	tail          []record // the tenants that the addition under way has stored
	held          []uint32 // ordinals of the held tasks; record.pos is a task's index in it
	running       ordinals // without a worker, not waiting, not in one of the next two
	exempt        ordinals // running with an ExemptRequest
	starting      ordinals // running with a StartRequest
	undoing       ordinals // being rolled back, without a worker, not waiting; the last first
	waiting       waiters  // running, waiting
	waitingExempt waiters  // running with an ExemptRequest, waiting
	// waitingUndos are being rolled back and waiting.
	waitingUndos waiters
	pending      uint32 // Invariant: no task with a smaller ordinal is pending
	releases     uint32 // counts the ends of holds
	undo         undoRound
	claims       claims
	commands     ring
	log          eventLog
	cursors      map[string]cursor
}

// cursor is the position of a named reader in a plan's events.
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

// state returns the state of a task as callers see it: if the plan cancels its pending tasks, a
// pending task is shown as canceled.
func (p *rollout) state(r *record) task.State {
	if r.state == task.Pending && p.plan.State.CancelsPending() {
		return task.Canceled
	}
	return r.state
}

// stop returns the stop that is in force for a task.
func (p *rollout) stop(ordinal uint32, r *record) task.Stop {
	if !r.state.InFlight() {
		return task.Go
	}
	return p.plan.StopFor(int(ordinal), task.Control{State: r.state, Request: r.request})
}

// shift moves a task to a state, a claim (0 for none) and a request, and updates counters, sets and
// version.
func (p *rollout) shift(ordinal uint32, r *record, to task.State, claim uint32, asked task.Request) {
	stays := claim != 0 && claim == r.claim
	if !stays {
		p.leave(r)
	}
	from := p.state(r)
	p.plan.Counters.Move(from, to)
	p.countInWave(ordinal, from, to)
	r.state, r.claim, r.request = to, claim, asked
	r.version++
	switch {
	case stays:
	case claim != 0:
		p.claims.hold(claim)
		p.plan.Counters.Held++
		r.pos = uint32(len(p.held))
		p.held = append(p.held, ordinal)
	case to.InFlight():
		p.plan.Counters.Unhold(asked, 1)
		p.loose(r).push(&p.tasks, ordinal)
	}
}

// loose returns the set for a task in flight that no worker holds and that does not wait.
func (p *rollout) loose(r *record) *ordinals {
	switch {
	case r.state == task.RollingBack:
		return &p.undoing
	case r.request == task.ExemptRequest:
		return &p.exempt
	case r.request == task.StartRequest:
		return &p.starting
	}
	return &p.running
}

// leave removes a task from the set that it is in.
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
	case r.parked:
		p.plan.Counters.Unhold(r.request, -1)
		p.unpark(r)
	case r.state.InFlight():
		p.plan.Counters.Unhold(r.request, -1)
		p.loose(r).remove(&p.tasks, r.pos)
	}
}

// raised is called after a task has failed. It breaches a running plan if more tasks are failed now
// than the plan, the wave of the task, or its failure group tolerates.
func (p *rollout) raised(ordinal uint32) {
	if p.plan.State == plan.Running && p.plan.Exceeds(int(ordinal), p.tasks.at(ordinal).failure()) {
		p.plan.Breached = true
	}
}

// snapshot returns a copy of the plan that shares no memory with the store.
func (p *rollout) snapshot() plan.Plan {
	c := p.plan
	c.Control = ownControl(c.Control)
	c.Parameters, c.Annotations = maps.Clone(c.Parameters), maps.Clone(c.Annotations)
	c.LastEvent = p.log.last
	c.Idle = max(0, time.Since(p.changedAt))
	c.Now, c.NextDue = p.clock.now().time(), p.nextDue()
	c.WaveCounters = slices.Clone(c.WaveCounters)
	c.FailureGroups = slices.Clone(c.FailureGroups)
	return c
}

// export returns a copy of a task for the caller.
func (p *rollout) export(ordinal uint32, r *record) task.Task {
	t := task.Task{
		ID:     task.NewID(p.plan.ID, int(ordinal)),
		Tenant: task.Tenant{ID: r.tenant},
		Control: task.Control{
			State: p.state(r), Attempt: int(r.attempt), Request: r.request,
			PausedIndividually: r.alone, Losses: int(r.losses), Elapsed: r.elapsed,
		},
		Version:   uint64(r.version),
		Token:     r.token,
		StartedAt: r.started.time(), UpdatedAt: r.updated.time(), EndedAt: r.ended.time(),
		Waiting: r.parked,
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
		t.Wait = task.Wait{Why: m.wait.why, Until: m.wait.until.time()}
	}
	return t
}

// view sets v to the view of the plan that a commit returns.
func (p *rollout) view(at stamp, v *store.View) {
	v.State, v.Version = p.plan.State, p.plan.Version
	v.Counters = p.plan.Counters
	v.Breached, v.UndosExhausted = p.plan.Breached, p.plan.UndosExhausted
	v.Claimable = p.claimable(at)
	v.Now, v.NextDue = at.time(), p.nextDue()
}
