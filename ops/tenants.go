package ops

import (
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// addTenants adds tenants to a plan.
func addTenants(c *call, id plan.ID, b *wire.AddCommand, opts []cutover.CommandOption) (cutover.PlanResult, error) {
	if b.TenantIDs != nil && b.Tenants != nil {
		return cutover.PlanResult{}, faulty(codeInvalid, 1, wire.Fault{Field: "tenants", Problem: "is given together with tenantIds"})
	}
	r, err := c.engine.AddTenants(c.r.Context(), id, b.List().Plan(), opts...)
	return r, named(err, b.List().Faults)
}

// maxExcluded is how many tenants one request excludes. Each is a command of its own.
const maxExcluded = 1000

// excludeTenants skips the tasks of tenants. Those that cannot be skipped now are counted; tenants
// that the plan does not have are faults, and then nothing is done.
func excludeTenants(c *call) (answer, error) {
	p, err := c.plan(Skip)
	if err != nil {
		return answer{}, err
	}
	x, err := c.excluded(&p)
	if err != nil {
		return answer{}, err
	}
	if c.seen != 0 && (x.dryRun || c.r.Header.Get("Idempotency-Key") == "") && c.seen != p.Version {
		return answer{}, &plan.VersionError{Plan: p.ID, Want: c.seen, Found: p.Version}
	}
	reach, err := x.skip(&p)
	if err != nil {
		return answer{}, err
	}
	c.command.Unchanged = reach.Changing == 0
	w := wire.TasksAnswer{Plan: c.planDocument(&p), Tasks: reach, DryRun: x.dryRun}
	w.Unchanged, w.Repeated = c.command.Unchanged, c.command.Repeated
	return answer{body: w}, nil
}

// exclusion is an exclusion of tenants: several commands, each of which skips a task. The first one
// that changes something has the version and the id of the request, so it finds that the request
// was sent before; the others need neither, because a task that is skipped already stays as it is.
type exclusion struct {
	*call
	tasks       []task.ID
	first, rest []cutover.CommandOption
	dryRun      bool
}

// excluded reads the body of an exclusion, and the plan as it is then: a body may take long.
func (c *call) excluded(p *plan.Plan) (*exclusion, error) {
	b := new(wire.ExcludeCommand)
	f, err := c.decode(b)
	if err != nil {
		return nil, err
	}
	if *p, err = c.engine.Plan(c.r.Context(), p.ID); err != nil {
		return nil, err
	}
	x := &exclusion{call: c, dryRun: b.DryRun, first: c.options(b.Reason, f)}
	x.rest = []cutover.CommandOption{cutover.By(c.caller.Actor()), cutover.Because(b.Reason)}
	c.command.DryRun = b.DryRun
	if n := len(b.TenantIDs); n == 0 || n > maxExcluded {
		f.add("tenantIds", fmt.Sprintf("has %d tenants, it must be from 1 to %d", n, maxExcluded))
	} else if f.total == 0 {
		if x.tasks, err = c.find(p, b.TenantIDs, f); err != nil {
			return nil, err
		}
	}
	return x, c.reasoned(b.Reason, f)
}

// find returns the tasks of tenants in the order of the plan, and adds a fault for each tenant that
// the plan does not have.
func (c *call) find(p *plan.Plan, tenants []string, f *faults) (found []task.ID, err error) {
	pending := make(map[string]bool, len(tenants))
	for _, id := range tenants {
		pending[id] = true
	}
	for after := 0; after < p.TaskCount && len(pending) > 0; {
		page, err := c.engine.Tenants(c.r.Context(), p.ID, after, 0)
		if err != nil || len(page) == 0 {
			return nil, errors.Join(err, missingTasks(p, after))
		}
		for i, id := range page {
			if pending[id] {
				delete(pending, id)
				found = append(found, task.NewID(p.ID, after+i+1))
			}
		}
		after += len(page)
	}
	for i, id := range tenants {
		if pending[id] {
			f.add(fmt.Sprintf("tenantIds[%d]", i), fmt.Sprintf("tenant %.140q is not in the plan", id))
		}
	}
	return found, nil
}

// missingTasks is the error of a store that has fewer tasks of a plan than the plan says.
func missingTasks(p *plan.Plan, n int) error {
	return &store.CorruptError{Key: "plan " + p.ID.String(), Reason: fmt.Sprintf("there are %d of %d tasks", n, p.TaskCount)}
}

// skip skips the tasks, or counts what that would do, and replaces p by the plan as it is then.
func (x *exclusion) skip(p *plan.Plan) (reach wire.Reach, err error) {
	reach.Matched = len(x.tasks)
	reach.NotApplicable = make(map[task.State]int)
	for _, id := range x.tasks {
		var unchanged bool
		if x.dryRun {
			unchanged, err = x.wouldSkip(p, id)
		} else {
			opts := x.first
			if reach.Changing > 0 || x.command.Repeated {
				opts = x.rest
			}
			var r cutover.TaskResult
			r, err = x.engine.SkipTask(x.r.Context(), id, opts...)
			unchanged = r.Unchanged || r.Repeated
			x.command.Repeated = x.command.Repeated || r.Repeated
		}
		var refused *plan.StateError
		switch {
		case errors.As(err, &refused):
			reach.NotApplicable[refused.TaskState]++
		case err != nil:
			return reach, err
		case unchanged:
			reach.Unchanged++
		default:
			reach.Changing++
		}
	}
	if !x.dryRun {
		*p, err = x.engine.Plan(x.r.Context(), p.ID)
		return reach, err
	}
	return reach, nil
}

// wouldSkip reports whether a skip would leave a task unchanged, or the error that it would return.
func (c *call) wouldSkip(p *plan.Plan, id task.ID) (unchanged bool, err error) {
	t, err := c.engine.Task(c.r.Context(), id)
	if err != nil {
		return false, err
	}
	d, err := p.SkipTask(t, plan.By{Now: time.Now()})
	return d.Unchanged, err
}

// decideAddition decides on an addition of tenants without saying which.
func decideAddition(p plan.Plan, by plan.By) (plan.Decision, error) {
	return plan.Adding{Token: 1, Tenants: 1}.Mark(p, by)
}

// decideExclusion decides on an exclusion of tenants without saying which: of one in a state that
// can be skipped, if there are such.
func decideExclusion(p plan.Plan, by plan.By) (d plan.Decision, err error) {
	d.Unchanged = true
	for _, s := range [...]task.State{task.Pending, task.Failed, task.RollbackFailed} {
		if p.Counters.Of(s) == 0 {
			continue
		}
		if d, err = p.SkipTask(task.Task{ID: task.NewID(p.ID, 1), Control: task.Control{State: s}}, by); err == nil {
			break
		}
	}
	return d, err
}
