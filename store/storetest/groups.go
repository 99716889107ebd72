package storetest

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// groupsOf returns the failure groups of tasks, with nothing acknowledged.
func groupsOf[T any](tasks []T, of func(T) (task.State, *task.FailureInfo)) (groups []plan.FailureGroup) {
	counts := make(map[plan.FailureGroup]int)
	for _, t := range tasks {
		s, f := of(t)
		if f == nil {
			f = &task.FailureInfo{}
		}
		if s == task.Failed {
			counts[plan.FailureGroup{ErrorCode: f.ErrorCode, Step: f.Step}]++
		}
	}
	for g, n := range counts {
		g.Failed = n
		groups = append(groups, g)
	}
	slices.SortFunc(groups, compareGroups)
	return groups
}

func compareGroups(a, b plan.FailureGroup) int {
	return cmp.Or(cmp.Compare(a.ErrorCode, b.ErrorCode), cmp.Compare(a.Step, b.Step))
}

// keepAcknowledged gives groups what was acknowledged of them before, as far as they still have so
// many failures.
func keepAcknowledged(groups, before []plan.FailureGroup) {
	for i := range groups {
		g := &groups[i]
		for _, old := range before {
			if old.ErrorCode == g.ErrorCode && old.Step == g.Step {
				g.Acknowledged = min(old.Acknowledged, g.Failed)
			}
		}
	}
}

// tooMany reports whether more tasks than the limit allows have failed in the same way, as f if
// that is not nil.
func tooMany(groups []plan.FailureGroup, limit int, f *task.FailureInfo) bool {
	return limit > 0 && slices.ContainsFunc(groups, func(g plan.FailureGroup) bool {
		judged := f == nil || g.ErrorCode == f.ErrorCode && g.Step == f.Step
		return judged && g.Failed >= limit && g.Failed > g.Acknowledged
	})
}
