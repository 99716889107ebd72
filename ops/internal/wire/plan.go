package wire

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// PlanSummary is a plan in a list.
type PlanSummary struct {
	PlanID       plan.ID    `json:"planId"`
	Name         string     `json:"name"`
	ExecutorType string     `json:"executorType"`
	State        plan.State `json:"state"`
	TaskCount    int        `json:"taskCount"`
	Counters     Counters   `json:"counters"`
	// Held and Waiting are the tasks with a worker, and those that keep their slot without one.
	Held    int `json:"held,omitzero"`
	Waiting int `json:"waiting,omitzero"`
	// Version is what If-Match compares.
	Version      uint64   `json:"version"`
	PauseReasons []string `json:"pauseReasons,omitempty"`
	Acknowledged int      `json:"acknowledged,omitzero"`
	Breached     bool     `json:"breached,omitzero"`
	AtRest       bool     `json:"atRest"`
	Starting     bool     `json:"starting,omitzero"`
	// Wave is the number of the open wave of WaveCount.
	Wave      int       `json:"wave,omitzero"`
	WaveCount int       `json:"waveCount,omitzero"`
	Gate      plan.Gate `json:"gate,omitzero"`
	LastEvent int64     `json:"lastEvent"`
	CreatedAt Time      `json:"createdAt"`
	CreatedBy string    `json:"createdBy,omitempty"`
	StartedAt Time      `json:"startedAt,omitzero"`
	StartedBy string    `json:"startedBy,omitempty"`
	EndedAt   Time      `json:"endedAt,omitzero"`
	// Actions are what the caller may do, and the plan allows now.
	Actions []string `json:"actions"`
}

// PlanSummaryOf returns the summary of a plan.
func PlanSummaryOf(p *plan.Plan, actions []string) PlanSummary {
	return PlanSummary{
		PlanID: p.ID, Name: p.Name, ExecutorType: p.ExecutorType, State: p.State, TaskCount: p.TaskCount,
		Counters: Counters(p.Counters), Held: p.Counters.Held, Waiting: p.Counters.Waiting, Version: p.Version,
		PauseReasons: p.PauseReasons.Strings(), Acknowledged: p.Acknowledged, Breached: p.Breached,
		AtRest: p.AtRest(), Starting: p.Starting != nil, Wave: p.Wave, WaveCount: len(p.Waves), Gate: p.Gate, LastEvent: p.LastEvent,
		CreatedAt: Time{p.CreatedAt}, CreatedBy: p.CreatedBy, StartedAt: Time{p.StartedAt}, StartedBy: p.StartedBy, EndedAt: Time{p.EndedAt},
		Actions: actions,
	}
}

// Plan is a plan.
type Plan struct {
	PlanSummary
	IdempotencyKey string            `json:"idempotencyKey,omitempty"`
	Annotations    map[string]string `json:"annotations,omitempty"`
	// Parameters are shown to who may view data.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Strategy is the strategy in force; Tuned reports that it was changed since the creation.
	Strategy Strategy   `json:"strategy"`
	Tuned    bool       `json:"tuned,omitzero"`
	Waves    []PlanWave `json:"waves,omitempty"`
	Undo     *Undo      `json:"undo,omitempty"`
	// FailureGroups are the FAILED tasks by code and step, the largest first. UngroupedFailures are
	// those that are in no group, because there were too many.
	FailureGroups     []FailureGroup `json:"failureGroups,omitempty"`
	UngroupedFailures int            `json:"ungroupedFailures,omitzero"`
	Sweeps            []PlanSweep    `json:"sweeps,omitempty"`
	// Now is the time by the store's clock; NextDue is when the first waiting task goes on.
	Now         Time `json:"now,omitzero"`
	NextDue     Time `json:"nextDue,omitzero"`
	WaveEndedAt Time `json:"waveEndedAt,omitzero"`
	// Unchanged and Repeated are about the command that is answered: the plan was so already, or
	// the command was carried out before.
	Unchanged bool `json:"unchanged,omitzero"`
	Repeated  bool `json:"repeated,omitzero"`
}

// Undo is the progress of a rollback.
type Undo struct {
	Round int `json:"round"`
	// First and Last are the ordinals of the wave that is being undone.
	First    int  `json:"first,omitempty"`
	Last     int  `json:"last,omitempty"`
	Open     bool `json:"open"`
	Stopping bool `json:"stopping"`
}

// PlanSweep is a command on many tasks that is being carried out.
type PlanSweep struct {
	Kind   plan.SweepKind `json:"kind"`
	Filter *Filter        `json:"filter,omitempty"`
	After  int            `json:"after"`
	Last   int            `json:"last,omitzero"`
	// Changed and Held count the tasks that were changed, and those that other plans hold.
	Changed int    `json:"changed"`
	Held    int    `json:"held,omitzero"`
	Actor   string `json:"actor,omitempty"`
	Reason  string `json:"reason,omitempty"`
}

// PlanWave is a wave of a plan: what it is, and how far it has come.
type PlanWave struct {
	Wave         int      `json:"wave"`
	Name         string   `json:"name,omitempty"`
	First        int      `json:"first"`
	Last         int      `json:"last"`
	TaskCount    int      `json:"taskCount"`
	Ended        int      `json:"ended"`
	Failed       int      `json:"failed"`
	Acknowledged int      `json:"acknowledged,omitzero"`
	MaxFailed    int      `json:"maxFailed"`
	Canary       bool     `json:"canary,omitzero"`
	BakeTime     Duration `json:"bakeTime,omitzero"`
	Approval     bool     `json:"approval,omitzero"`
	Approved     bool     `json:"approved,omitzero"`
	// Undone reports that the wave was undone, or is being undone.
	Undone bool `json:"undone,omitzero"`
	// Actions are the commands on this wave alone that the caller may give, and the plan allows
	// now. Those on gates are among the actions of the plan.
	Actions []string `json:"actions,omitempty"`
}

// PlanOf returns a plan. data says whether its parameters are shown.
func PlanOf(p *plan.Plan, actions []string, data Data) Plan {
	rules := p.Rules()
	w := Plan{
		PlanSummary: PlanSummaryOf(p, actions), IdempotencyKey: p.IdempotencyKey, Annotations: p.Annotations, Strategy: strategyOf(&rules), Tuned: !p.Tuning.IsZero(),
		Waves: wavesOf(p, &rules), Now: Time{p.Now}, NextDue: Time{p.NextDue}, WaveEndedAt: Time{p.WaveEndedAt},
		FailureGroups: failureGroupsOf(p), UngroupedFailures: p.FailureGroups.Ungrouped(p.Counters.Of(task.Failed)),
	}
	if data == Shown {
		w.Parameters = p.Parameters
	}
	if p.Undo != (plan.Undo{}) {
		u := p.Undo
		w.Undo = &Undo{Round: u.Round, First: u.First, Last: u.Last, Open: u.Open, Stopping: u.Stopping}
	}
	for i := range p.Sweeps {
		s := &p.Sweeps[i]
		w.Sweeps = append(w.Sweeps, PlanSweep{
			Kind: s.Kind, Filter: filterOf(&s.Filter), After: s.After, Last: s.Last, Changed: s.Changed, Held: s.Held, Actor: s.Actor, Reason: s.Reason,
		})
	}
	return w
}

func wavesOf(p *plan.Plan, rules *strategy.Strategy) []PlanWave {
	var waves []PlanWave
	for i, own := range p.Waves {
		n := i + 1
		w := PlanWave{
			Wave: n, First: p.FirstOf(n), Last: own.Last, TaskCount: p.SizeOf(n), Acknowledged: own.Acknowledged, MaxFailed: own.MaxFailed,
			BakeTime: Duration(rules.Bake(n, len(p.Waves))), Approval: rules.Waits(n), Approved: slices.Contains(p.Approved, n),
			Undone: slices.Contains(p.Undone, n),
		}
		if i < len(p.WaveCounters) {
			w.Ended, w.Failed = p.WaveCounters[i].Ended, p.WaveCounters[i].Failed
		}
		if i < len(rules.Waves) {
			w.Name, w.Canary = rules.Waves[i].Name, rules.Waves[i].Canary
		}
		waves = append(waves, w)
	}
	return waves
}

// Data says whether an answer has the data of tasks: checkpoints, undo logs and parameters.
type Data bool

// Whether data is shown.
const (
	Hidden Data = false
	Shown  Data = true
)
