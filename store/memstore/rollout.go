package memstore

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/internal/brief"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/rules"
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
	id    plan.ID
	words *lexicon      // shared, has its own lock
	clock *clock        // shared
	steps atomic.Uint64 // how many steps were made; written with mu held

	mu        brief.Mutex // guards the fields below
	stage     stage
	plan      rules.Plan
	changedAt time.Time // the last change of the control, by time.Now
	latest    stamp     // the time of the latest step

	mark, hash string // values of the creation
	ttl        time.Duration

	tasks shelf
	tail  []record // the tenants that the addition under way has stored
	held  held     // Index is a task's place in it
	// loose are the queues of tasks in flight that neither have a worker nor wait, by number.
	loose [rules.Undoing + 1]ordinals
	// waiting are the queues of waiting tasks, from rules.Waiting on.
	waiting [rules.WaitingUndos - rules.Waiting + 1]waiters
	turns   turns
	claims  claims
	log     eventLog
	cursors map[string]cursor
}

// cursor is the position of a named reader in a plan's events.
type cursor struct {
	owner string
	until time.Time
	seq   int64
}

// moment returns the time for a step, and the greatest token so far.
func (p *rollout) moment() rules.Moment { return p.momentOf(p.clock.now(), p.steps.Load()) }

// momentOf is moment with a reading of the clock from when the plan had made so many steps. If it
// has made others since, the reading is from before theirs, and time does not go back to it; if it
// has not, and the reading is earlier, the clock was set back.
func (p *rollout) momentOf(read stamp, steps uint64) rules.Moment {
	if p.steps.Load() != steps {
		read = max(read, p.latest)
	}
	p.latest = read
	p.steps.Add(1)
	return rules.Moment{Now: read, Newest: task.Token(p.clock.newest.Load())}
}

// find returns the record of a task, or nil.
func (p *rollout) find(id task.ID) *record {
	o := id.Ordinal()
	if id.Plan() != p.plan.ID || o < 1 || o > p.tasks.n {
		return nil
	}
	return p.tasks.at(uint32(o))
}

// snapshot returns a copy of the plan that shares no memory with the store.
func (p *rollout) snapshot() plan.Plan {
	c := p.plan.Snapshot(p, p.clock.now())
	c.Idle = max(0, time.Since(p.changedAt))
	return c
}

// export appends a copy of a task for the caller.
func (p *rollout) export(to []task.Task, ordinal uint32) []task.Task {
	r := p.tasks.at(ordinal)
	var worker string
	if r.Claim != 0 {
		worker = p.claims.at(r.Claim).worker
	}
	n := len(to)
	to = slices.Grow(to, 1)[:n+1]
	p.plan.Export(ordinal, r, worker, &to[n])
	return to
}
