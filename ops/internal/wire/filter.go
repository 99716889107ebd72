package wire

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Filter selects tasks, in requests and answers.
type Filter struct {
	States []task.State      `json:"states,omitempty"`
	Codes  []string          `json:"codes,omitempty"`
	Steps  []string          `json:"steps,omitempty"`
	Waves  []int             `json:"waves,omitempty"`
	Labels map[string]string `json:"labels,omitempty"`
	Tenant string            `json:"tenant,omitempty"`
}

// filterOf returns a filter, nil if it selects all tasks.
func filterOf(f *task.Filter) *Filter {
	if f.IsZero() {
		return nil
	}
	w := Filter(*f)
	return &w
}

// TasksCommand is a command on the tasks that a filter selects.
type TasksCommand struct {
	Reason string `json:"reason"`
	// Filter is required, so that nobody gives a command for all tasks by mistake.
	Filter         *Filter `json:"filter"`
	FromCheckpoint *bool   `json:"fromCheckpoint"`
	DryRun         bool    `json:"dryRun"`
}

// Faults returns the faults of the filter, with the fields as the request names them.
func (c *TasksCommand) Faults(faults []plan.Fault) []Fault {
	list := make([]Fault, len(faults))
	for i, f := range faults {
		list[i] = Fault{Field: "filter." + Field(f.Field), Problem: f.Problem}
		if f.Field == "Filter" {
			list[i].Field = "filter"
		}
	}
	return list
}

// TasksAnswer is the answer to a command on many tasks: the plan as it now is, and how far the
// command reaches.
type TasksAnswer struct {
	Plan
	Tasks Reach `json:"tasks"`
	// DryRun means that nothing was changed.
	DryRun bool `json:"dryRun,omitzero"`
}

// Reach counts tasks by what a command does to them.
type Reach struct {
	Matched       int                `json:"matched"`
	Changing      int                `json:"changing"`
	Unchanged     int                `json:"unchanged"`
	NotApplicable map[task.State]int `json:"notApplicable,omitempty"`
	// Ahead is the number of earlier commands that are carried out first.
	Ahead int `json:"ahead"`
	// WaitsFor are the reasons why what is changed does not go on at once.
	WaitsFor []WaitsFor `json:"waitsFor,omitempty"`
}

// WaitsFor is what a command on many tasks, or the tasks that it changes, wait for.
type WaitsFor string

// What they wait for.
const (
	// WaitsForCommands: earlier commands are carried out first.
	WaitsForCommands WaitsFor = "earlierCommands"
	// WaitsForStart: the plan is being started.
	WaitsForStart WaitsFor = "start"
	// WaitsForResume: the tasks run when the plan is resumed.
	WaitsForResume WaitsFor = "resume"
)

// ReachOf returns how far a command of a kind on the tasks of a plan reaches.
func ReachOf(p *plan.Plan, k plan.SweepKind, r *plan.Reach, ahead int) Reach {
	w := Reach{Matched: r.Matched, Changing: r.Changing, Unchanged: r.Unchanged, NotApplicable: r.NotApplicable, Ahead: ahead}
	if r.Changing == 0 {
		return w
	}
	if ahead > 0 {
		w.WaitsFor = append(w.WaitsFor, WaitsForCommands)
	}
	if p.Starting != nil {
		w.WaitsFor = append(w.WaitsFor, WaitsForStart)
	}
	if p.State == plan.Paused && (k == plan.SweepRetry || k == plan.SweepResumeTasks) || p.State == plan.Failed && k == plan.SweepResumeTasks {
		w.WaitsFor = append(w.WaitsFor, WaitsForResume)
	}
	return w
}
