package rules

import (
	"maps"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// New returns a plan under creation. It shares no memory with c.
func New(id plan.ID, c *store.Create, now Stamp) Plan {
	created := c.Plan.CreatedAt
	if created.IsZero() {
		created = now.Time()
	}
	return Plan{Plan: plan.Plan{
		ID: id, Name: c.Plan.Name, ExecutorType: c.Plan.ExecutorType,
		Parameters: maps.Clone(c.Plan.Parameters), Annotations: maps.Clone(c.Plan.Annotations),
		Strategy: c.Plan.Strategy, TaskCount: c.Plan.TaskCount,
		IdempotencyKey: c.Plan.IdempotencyKey, CreatedAt: created, CreatedBy: c.Actor,
		Control: plan.Control{Waves: slices.Clone(c.Plan.Waves)},
		Facts:   plan.Facts{WaveCounters: waveCounters(len(c.Plan.Waves))},
	}}
}

// NewTask returns the task of a tenant. It shares no memory with t.
func NewTask(t task.Tenant) Task {
	n := Task{Tenant: t.ID, Version: 1}
	if len(t.Labels)+len(t.Parameters) > 0 {
		n.More = &More{Labels: maps.Clone(t.Labels), Parameters: maps.Clone(t.Parameters)}
	}
	return n
}

// Finish completes the creation of a plan, all of whose tasks are stored, and returns its first
// event, which the store appends to the log.
func Finish(p *Plan, now Stamp) (plan.Event, Outcome) {
	p.Version = 1
	p.Counters.States[task.Pending] = p.TaskCount
	p.LastEvent = 1
	s := step{p: p, at: now, now: now.Time()}
	return plan.Event{Cause: plan.ByCreate.String(), To: plan.Created.String(), Actor: p.CreatedBy}, Outcome{AtRest: s.end(0)}
}
