package storetest

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// groups compares the failure groups with the tasks: each group has all tasks that belong to it,
// and there is a group of every failure unless there are too many.
func (c *checker) groups() {
	c.Helper()
	want := groupsOf(c.tasks, func(t task.Task) (task.State, *task.FailureInfo) { return t.State, t.Failure })
	got := slices.Clone(c.plan.FailureGroups)
	for i := range got {
		if g := &got[i]; g.Acknowledged < 0 || g.Acknowledged > g.Failed {
			c.Errorf("check of plan %s: the group %+v", c.id, *g)
		} else {
			g.Acknowledged = 0
		}
	}
	if len(want) > plan.MaxFailureGroups || c.plan.FailureGroups.Ungrouped(c.plan.Counters.Of(task.Failed)) > 0 {
		want = slices.DeleteFunc(want, func(g plan.FailureGroup) bool { return !slices.Contains(got, g) })
	}
	if len(got) > plan.MaxFailureGroups || !slices.Equal(got, want) {
		c.Errorf("check of plan %s: the failure groups are %+v, of the tasks %+v", c.id, c.plan.FailureGroups, want)
	}
}
