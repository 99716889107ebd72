package ops

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// failuresPage has the failures of a plan by their causes, the most frequent first.
type failuresPage struct {
	Failures []failures `json:"failures"`
	// Next is the cursor of the next page, empty if these are all.
	Next string `json:"next,omitempty"`
}

// failures are failed tasks with one cause: the same state, code and step.
type failures struct {
	State     task.State `json:"state"`
	ErrorCode string     `json:"errorCode"`
	Step      string     `json:"step,omitempty"`
	Count     int        `json:"count"`
	// Total is how many tasks of the whole plan have failed so; 0 if the plan does not count them:
	// failed undos, and those in none of its failure groups.
	Total int `json:"total,omitzero"`
	// First and Last are the times of the first failure and of the last one.
	First wire.Time `json:"first"`
	Last  wire.Time `json:"last"`
	// Reason is that of the last failure, Tasks are the first tasks that have failed so, with their
	// Tenants.
	Reason  string    `json:"reason"`
	Tasks   []task.ID `json:"tasks"`
	Tenants []string  `json:"tenants"`
}

// Bounds of a page of failures: how many tasks it counts, and how many it names of a cause.
const (
	maxFailures = 10_000
	maxExamples = 10
)

// listFailures groups the failed tasks of a plan by their causes. One page counts up to
// maxFailures of them, by rising ordinal; who wants more adds up the pages.
func listFailures(c *call) (answer, error) {
	p, err := c.plan(View)
	if err != nil {
		return answer{}, err
	}
	q := c.query("cursor")
	after := int(q.cursor(cursorOfFailures, task.MaxPerPlan))
	if err := q.err(); err != nil {
		return answer{}, err
	}
	selected := c.engine.Select(p.ID, task.Filter{States: []task.State{task.Failed, task.RollbackFailed}})
	groups := grouped{}
	for n := 0; n < maxFailures; {
		var tasks []task.Task
		if tasks, after, err = selected.Tasks(c.r.Context(), after, 0); err != nil {
			return answer{}, err
		}
		for i := range tasks {
			groups.add(&tasks[i])
		}
		if n += len(tasks); after == 0 {
			break
		}
	}
	page := failuresPage{Failures: groups.list(&p)}
	if after != 0 {
		page.Next = cursorOfFailures.text(int64(after))
	}
	return answer{body: page}, nil
}

// cause is what the failures of a group have in common.
type cause struct {
	state      task.State
	code, step string
}

// grouped are failures by their causes.
type grouped map[cause]*failures

// add counts a failed task.
func (g grouped) add(t *task.Task) {
	f := t.Failure
	if f == nil {
		f = &task.FailureInfo{} // cannot be: a task fails with one
	}
	key := cause{t.State, f.ErrorCode, f.Step}
	group := g[key]
	if group == nil {
		group = &failures{State: t.State, ErrorCode: f.ErrorCode, Step: f.Step, First: wire.Time{Time: f.Timestamp}}
		g[key] = group
	}
	group.Count++
	if f.Timestamp.Before(group.First.Time) {
		group.First.Time = f.Timestamp
	}
	if !f.Timestamp.Before(group.Last.Time) {
		group.Last.Time, group.Reason = f.Timestamp, f.Reason
	}
	if len(group.Tasks) < maxExamples {
		group.Tasks = append(group.Tasks, t.ID)
		group.Tenants = append(group.Tenants, t.Tenant.ID)
	}
}

// list returns the groups, the most frequent first, with their totals in the plan, which was read
// before the tasks.
func (g grouped) list(p *plan.Plan) []failures {
	list := make([]failures, 0, len(g))
	for _, f := range g {
		if f.State == task.Failed {
			f.Total = p.FailureGroups.Of(&task.FailureInfo{ErrorCode: f.ErrorCode, Step: f.Step}).Failed
		}
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b failures) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.ErrorCode, b.ErrorCode), cmp.Compare(a.Step, b.Step), cmp.Compare(a.State, b.State))
	})
	return list
}
