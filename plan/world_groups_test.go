package plan_test

import (
	"cmp"
	"slices"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// drawFailure returns one of a few failures. Those with code and step exchanged, or cut at another
// place, are of different groups.
func drawFailure(t *rapid.T) *task.FailureInfo {
	return rapid.SampledFrom([]*task.FailureInfo{
		{ErrorCode: "BROKEN"},
		{ErrorCode: "BROKEN"},
		{ErrorCode: "BROKEN", Step: "A"},
		{ErrorCode: "A", Step: "BROKEN"},
		{ErrorCode: "BROKEN\tA"},
		{},
	}).Draw(t, "failure")
}

// countGroups counts the failed tasks of every group. Every group keeps how many of its failures
// were acknowledged, as far as it still has so many.
func (w *world) countGroups() {
	old := w.plan.FailureGroups
	w.plan.FailureGroups = nil
	for i := range w.tasks {
		t := &w.tasks[i]
		if t.State != task.Failed {
			continue
		}
		same := func(g plan.FailureGroup) bool { return g.ErrorCode == t.Failure.ErrorCode && g.Step == t.Failure.Step }
		at := slices.IndexFunc(w.plan.FailureGroups, same)
		if at < 0 {
			at = len(w.plan.FailureGroups)
			w.plan.FailureGroups = append(w.plan.FailureGroups, plan.FailureGroup{ErrorCode: t.Failure.ErrorCode, Step: t.Failure.Step})
		}
		g := &w.plan.FailureGroups[at]
		if g.Failed++; g.Failed == 1 {
			if before := slices.IndexFunc(old, same); before >= 0 {
				g.Acknowledged = old[before].Acknowledged
			}
		}
	}
	for i := range w.plan.FailureGroups {
		g := &w.plan.FailureGroups[i]
		g.Acknowledged = min(g.Acknowledged, g.Failed)
	}
	slices.SortFunc(w.plan.FailureGroups, func(a, b plan.FailureGroup) int {
		return cmp.Or(cmp.Compare(a.ErrorCode, b.ErrorCode), cmp.Compare(a.Step, b.Step))
	})
}

func (w *world) acknowledgeGroups() {
	for i := range w.plan.FailureGroups {
		w.plan.FailureGroups[i].Acknowledged = w.plan.FailureGroups[i].Failed
	}
}

// crowded reports whether so many tasks have failed in the same way that no pending task may begin,
// by a limit; 0 is no limit. Only the group of the failure counts, if there is one.
func (w *world) crowded(limit int, of *task.FailureInfo) bool {
	return slices.ContainsFunc(w.plan.FailureGroups, func(g plan.FailureGroup) bool {
		judged := of == nil || g.ErrorCode == of.ErrorCode && g.Step == of.Step
		return judged && limit > 0 && g.Failed >= limit && g.Failed > g.Acknowledged
	})
}
