package plan

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// MaxFailureGroups is the maximum number of a plan's [FailureGroups].
const MaxFailureGroups = 256

// FailureGroup counts the tasks of a plan that are FAILED now with one error code in one step.
type FailureGroup struct {
	ErrorCode, Step string
	// Failed is the number of tasks, at least 1.
	Failed int
	// Acknowledged counts those that the last resume accepted. Invariant: Acknowledged <= Failed.
	Acknowledged int
}

// FailureGroups are the groups of a plan, in the order of code and step.
//
// A group has all tasks that belong to it, or does not exist. A failure without a group begins one
// only while there are fewer than [MaxFailureGroups], and every other failed task is in a group.
type FailureGroups []FailureGroup

// groupOf returns the group of a failure, as stores keep it: without what they cut off. A task
// without a failure is in the group of no code and no step.
func groupOf(f *task.FailureInfo) FailureGroup {
	if f == nil {
		return FailureGroup{}
	}
	c := f.Clip()
	return FailureGroup{ErrorCode: c.ErrorCode, Step: c.Step}
}

// Of returns the group that a failure belongs to, with nothing counted if there is none.
func (groups FailureGroups) Of(f *task.FailureInfo) FailureGroup {
	g := groupOf(f)
	if at, is := groups.find(g); is {
		return groups[at]
	}
	return g
}

func (groups FailureGroups) find(g FailureGroup) (at int, is bool) {
	return slices.BinarySearchFunc(groups, g, func(a, b FailureGroup) int {
		return cmp.Or(cmp.Compare(a.ErrorCode, b.ErrorCode), cmp.Compare(a.Step, b.Step))
	})
}

// Ungrouped returns how many of the failed tasks of the plan, failed in all, are in no group.
func (groups FailureGroups) Ungrouped(failed int) int {
	for i := range groups {
		failed -= groups[i].Failed
	}
	return failed
}

// Move counts a task that goes from one state with one failure to another; failed is the number of
// failed tasks of the plan after that. It changes the slice.
func (groups *FailureGroups) Move(from, to task.State, before, after *task.FailureInfo, failed int) {
	if from != task.Failed && to != task.Failed {
		return
	}
	left, joined := groupOf(before), groupOf(after)
	if from == to && left == joined {
		return
	}
	if from == task.Failed {
		groups.leave(left)
	}
	if to == task.Failed {
		groups.join(joined, failed)
	}
}

func (groups *FailureGroups) leave(g FailureGroup) {
	at, is := groups.find(g)
	if !is {
		return
	}
	own := &(*groups)[at]
	own.Failed--
	own.Acknowledged = min(own.Acknowledged, own.Failed)
	if own.Failed > 0 {
		return
	}
	if *groups = slices.Delete(*groups, at, at+1); len(*groups) == 0 {
		*groups = nil
	}
}

func (groups *FailureGroups) join(g FailureGroup, failed int) {
	at, is := groups.find(g)
	switch {
	case is:
		(*groups)[at].Failed++
	case len(*groups) < MaxFailureGroups && groups.Ungrouped(failed) == 1: // the task itself
		g.Failed = 1
		*groups = slices.Insert(*groups, at, g)
	}
}

// Acknowledge accepts the failures that there are in every group.
func (groups FailureGroups) Acknowledge() {
	for i := range groups {
		groups[i].Acknowledged = groups[i].Failed
	}
}

// exceeds reports whether the group has as many failures as close the grant, and some of them were
// not acknowledged.
func (g FailureGroup) exceeds(grant *strategy.Grant) bool {
	return grant.MaxSameFailures > 0 && g.Failed > g.tolerated(grant)
}

// tolerated returns how many failures of the group are tolerated, if the grant bounds them.
func (g FailureGroup) tolerated(grant *strategy.Grant) int {
	return max(grant.MaxSameFailures-1, g.Acknowledged)
}

// exceeding returns the group that has more failures than are tolerated, the largest if there are
// several; nil if there is none.
func (groups FailureGroups) exceeding(grant *strategy.Grant) (largest *FailureGroup) {
	if grant.MaxSameFailures == 0 {
		return nil
	}
	for i := range groups {
		if g := &groups[i]; g.exceeds(grant) && (largest == nil || g.Failed > largest.Failed) {
			largest = g
		}
	}
	return largest
}

// unaccepted returns the number of failures in the largest group of which some were not
// acknowledged.
func (groups FailureGroups) unaccepted() (most int) {
	for _, g := range groups {
		if g.Failed > g.Acknowledged {
			most = max(most, g.Failed)
		}
	}
	return most
}
