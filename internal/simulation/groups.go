package simulation

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// groupReplay holds the failed tasks of each group, and how many of them a resume has accepted, as
// the events of a plan report them.
type groupReplay struct {
	*replay
	of           map[task.ID]plan.FailureGroup // of the tasks that are failed
	acknowledged map[plan.FailureGroup]int
}

// task applies an event of a task.
func (g *groupReplay) task(e plan.Event) {
	if e.From == task.Failed.String() && e.From != e.To {
		group := g.of[e.Task]
		delete(g.of, e.Task)
		g.acknowledged[group] = min(g.acknowledged[group], g.failed(group))
	}
	if e.To == task.Failed.String() && e.Failure != nil {
		g.of[e.Task] = plan.FailureGroup{ErrorCode: e.Failure.ErrorCode, Step: e.Failure.Step}
	}
}

func (g *groupReplay) failed(group plan.FailureGroup) (n int) {
	for _, other := range g.of {
		if other == group {
			n++
		}
	}
	return n
}

// acknowledge records that a resume accepted all failures.
func (g *groupReplay) acknowledge() {
	for _, group := range g.of {
		g.acknowledged[group] = g.failed(group)
	}
}

// claim checks that no pending task begins while as many tasks have failed in the same way as are a
// breach.
func (g *groupReplay) claim(e plan.Event) {
	limit := g.p.Strategy.MaxSameFailures
	for _, group := range g.of {
		if n := g.failed(group); limit > 0 && n >= limit && n > g.acknowledged[group] {
			g.w.faultf("plan %s: event %d claims a task although %d have failed with %s in step %s, the limit is %d",
				g.p.ID, e.Seq, n, group.ErrorCode, group.Step, limit)
		}
	}
}

// compare compares the plan's groups with what its events reported.
func (g *groupReplay) compare() {
	var want []plan.FailureGroup
	for _, group := range g.of {
		acknowledged := g.acknowledged[group]
		group.Failed, group.Acknowledged = g.failed(group), acknowledged
		if !slices.Contains(want, group) {
			want = append(want, group)
		}
	}
	missing := func(group plan.FailureGroup) bool { return !slices.Contains(g.p.FailureGroups, group) }
	if len(want) != len(g.p.FailureGroups) || slices.ContainsFunc(want, missing) {
		g.w.faultf("plan %s has the failure groups %+v, by its events %+v", g.p.ID, g.p.FailureGroups, want)
	}
}
