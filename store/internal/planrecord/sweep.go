package planrecord

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// sweep is the stored form of a plan.Sweep.
type sweep struct {
	Kind           string  `json:"kind"`
	Filter         *filter `json:"filter,omitempty"`
	After          int     `json:"after"`
	Last           int     `json:"last,omitempty"`
	FromCheckpoint bool    `json:"fromCheckpoint,omitempty"`
	Changed        int     `json:"changed,omitempty"`
	Held           int     `json:"held,omitempty"`
	Actor          string  `json:"actor,omitempty"`
	Reason         string  `json:"reason,omitempty"`
}

// filter is the stored form of a task.Filter.
type filter struct {
	States []string          `json:"states,omitempty"`
	Codes  []string          `json:"codes,omitempty"`
	Steps  []string          `json:"steps,omitempty"`
	Waves  []int             `json:"waves,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Tenant string            `json:"tenant,omitempty"`
}

func sweepOf(s *plan.Sweep) sweep {
	r := sweep{
		Kind: s.Kind.String(), After: s.After, Last: s.Last, FromCheckpoint: s.From == task.FromCheckpoint,
		Changed: s.Changed, Held: s.Held, Actor: s.Actor, Reason: s.Reason,
	}
	f := &s.Filter
	if f.IsZero() {
		return r
	}
	r.Filter = &filter{Codes: f.Codes, Steps: f.Steps, Waves: f.Waves, Labels: f.Labels, Tenant: f.Tenant}
	for _, state := range f.States {
		r.Filter.States = append(r.Filter.States, state.String())
	}
	return r
}

func (r *sweep) sweep() (s plan.Sweep, err error) {
	s = plan.Sweep{After: r.After, Last: r.Last, From: task.FromScratch, Changed: r.Changed, Held: r.Held, Actor: r.Actor, Reason: r.Reason}
	if r.FromCheckpoint {
		s.From = task.FromCheckpoint
	}
	if s.Kind, err = plan.ParseSweepKind(r.Kind); err != nil || r.Filter == nil {
		return s, err
	}
	f := r.Filter
	s.Filter = task.Filter{Codes: f.Codes, Steps: f.Steps, Waves: f.Waves, Labels: f.Labels, Tenant: f.Tenant}
	for _, name := range f.States {
		state, err := task.ParseState(name)
		if err != nil {
			return s, err
		}
		s.Filter.States = append(s.Filter.States, state)
	}
	return s, nil
}
