package notify

import (
	"path"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Filter selects what a notifier sends. The zero value selects what the plans do themselves and
// every failure of a task.
type Filter struct {
	// Kinds are the kinds of events. Default: KindPlan and KindFailures. KindTask adds the other
	// events of tasks, at least two for each task, each a message. Messages of KindOvertaken and
	// KindTest are always sent.
	Kinds []Kind
	// Plans are patterns of the names of plans, as path.Match reads them, one of which must match.
	// Default: all plans.
	Plans []string
	// MinSeverity is the least severity of an event. Default: Info.
	MinSeverity Severity
}

// faults returns what is wrong with the filter, in sentences.
func (f Filter) faults() (faults []string) {
	for _, k := range f.Kinds {
		if k != KindPlan && k != KindFailures && k != KindTask {
			faults = append(faults, "Filter.Kinds has "+string(k)+", allowed are plan, failures and task")
		}
	}
	for _, p := range f.Plans {
		if _, err := path.Match(p, ""); err != nil {
			faults = append(faults, "Filter.Plans has the pattern "+p+", which makes no sense")
		}
	}
	if f.MinSeverity < Info || f.MinSeverity > Error {
		faults = append(faults, "Filter.MinSeverity is no severity")
	}
	return faults
}

// plan reports whether the filter selects a plan of this name.
func (f Filter) plan(name string) bool {
	return len(f.Plans) == 0 || slices.ContainsFunc(f.Plans, func(p string) bool {
		matches, _ := path.Match(p, name)
		return matches
	})
}

// event reports whether the filter selects an event of a plan that it selects.
func (f Filter) event(k Kind, s Severity) bool {
	return s >= f.MinSeverity && (slices.Contains(f.Kinds, k) || len(f.Kinds) == 0 && k != KindTask)
}

// classify returns the kind and the severity of an event.
func classify(e plan.Event) (Kind, Severity) {
	if e.Task != 0 {
		if e.From != e.To && (e.To == task.Failed.String() || e.To == task.RollbackFailed.String()) {
			return KindFailures, Error
		}
		return KindTask, Info
	}
	failed := e.To == plan.Failed.String() || e.To == plan.RollbackFailed.String()
	switch {
	case e.From != e.To && failed, e.Cause == plan.ByBreach.String():
		return KindPlan, Error
	case slices.Contains(warned(), e.Cause):
		return KindPlan, Warning
	}
	return KindPlan, Info
}

// warned are the causes of plan events that are warnings.
func warned() []string {
	return []string{
		plan.ByPause.String(), plan.ByCancel.String(), plan.ByRollback.String(), plan.ByReject.String(), plan.ByApproval.String(),
	}
}
