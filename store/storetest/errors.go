package storetest

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func errorCases() []testCase {
	return []testCase{
		{name: "no such plan", run: errorsNotFound},
		{name: "context that has ended", run: errorsContext},
		{name: "huge and empty inputs", run: errorsInputs},
		{name: "impossible pages", run: errorsPages},
	}
}

// calls returns a call of every method. Methods that take a plan are called for the plan id.
func (e *env) calls(id plan.ID) map[string]func(ctx context.Context) error {
	c := store.Creation{ID: id, Mark: "mark"}
	return map[string]func(ctx context.Context) error{
		"BeginCreate": func(ctx context.Context) error {
			_, err := e.BeginCreate(ctx, e.announce(1, concurrently(1)))
			return err
		},
		"AddTenants":   func(ctx context.Context) error { return e.AddTenants(ctx, c, 1, tenants(1, 1)) },
		"FinishCreate": func(ctx context.Context) error { return e.FinishCreate(ctx, c) },
		"Remove":       func(ctx context.Context) error { _, err := e.Remove(ctx, id); return err },
		"Commit":       func(ctx context.Context) error { return e.Commit(ctx, &store.Batch{Plan: id}) },
		"Apply": func(ctx context.Context) error {
			_, err := e.Apply(ctx, store.Command{ID: "id", Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: id}}})
			return err
		},
		"Join": func(ctx context.Context) error { return e.Join(ctx, "me", time.Minute, store.Process{}) },
		"Heartbeat": func(ctx context.Context) error {
			_, err := e.Heartbeat(ctx, "me", time.Minute, []plan.ID{id})
			return err
		},
		"Leave":    func(ctx context.Context) error { return e.Leave(ctx, "me") },
		"Report":   func(ctx context.Context) error { return e.Report(ctx, "me", store.Load{}) },
		"Workers":  func(ctx context.Context) error { _, err := e.Workers(ctx, "", 0); return err },
		"Holdings": func(ctx context.Context) error { _, err := e.Holdings(ctx, id, ""); return err },
		"Orphans":  func(ctx context.Context) error { _, err := e.Orphans(ctx, id); return err },
		"Reserve": func(ctx context.Context) error {
			_, err := e.Reserve(ctx, []store.TenantLock{lock("a", id)})
			return err
		},
		"Replace": func(ctx context.Context) error { _, err := e.Replace(ctx, lock("a", id), lock("a", id+1)); return err },
		"Release": func(ctx context.Context) error { return e.Release(ctx, []store.TenantLock{lock("a", id)}) },
		"Occupy": func(ctx context.Context) error {
			return e.Occupy(ctx, []store.Occupation{{Place: place(shard("a"), id, 1), Max: 1}})
		},
		"Vacate": func(ctx context.Context) error { return e.Vacate(ctx, []store.Place{place(shard("a"), id, 1)}) },
		"Places": func(ctx context.Context) error { _, err := e.Places(ctx, shard("a")); return err },
		"CountPlaces": func(ctx context.Context) error {
			_, err := e.CountPlaces(ctx, []store.QuotaKey{shard("a")})
			return err
		},
		"Due":        func(ctx context.Context) error { _, err := e.Due(ctx, []string{"EXECUTOR"}, 1); return err },
		"Reschedule": func(ctx context.Context) error { return e.Reschedule(ctx, id, 1, store.Next{After: time.Second}) },
		"Cursor":     func(ctx context.Context) error { _, err := e.Cursor(ctx, id, "mail", "me", time.Minute); return err },
		"MoveCursor": func(ctx context.Context) error { return e.MoveCursor(ctx, id, "mail", "me", 1) },
		"Plan":       func(ctx context.Context) error { _, err := e.Plan(ctx, id); return err },
		"Plans":      func(ctx context.Context) error { _, err := e.Plans(ctx, store.PlanQuery{}); return err },
		"Task":       func(ctx context.Context) error { _, err := e.Task(ctx, task.NewID(id, 1)); return err },
		"Tasks":      func(ctx context.Context) error { _, _, err := e.Tasks(ctx, id, store.TaskQuery{}); return err },
		"States":     func(ctx context.Context) error { _, err := e.States(ctx, id, 0, 0); return err },
		"Tenants":    func(ctx context.Context) error { _, err := e.Tenants(ctx, id, 0, 0); return err },
		"Events":     func(ctx context.Context) error { _, err := e.Events(ctx, id, 0, 1); return err },
		"PlanEvents": func(ctx context.Context) error { _, err := e.PlanEvents(ctx, id, 0, 1); return err },
		"Remind":     func(ctx context.Context) error { return e.Remind(ctx, map[plan.ID]time.Duration{id: 0}) },
	}
}

func errorsNotFound(e *env) {
	e.create(1, concurrently(1))
	for _, id := range []plan.ID{1000, task.MaxPlanID, 0, -1} {
		calls := e.calls(id)
		for _, name := range []string{"AddTenants", "FinishCreate", "Commit", "Apply", "Orphans", "Holdings", "Cursor", "MoveCursor", "Plan", "Task", "Tasks", "States", "Tenants", "Events", "PlanEvents"} {
			if err := calls[name](e.ctx); !errors.Is(err, store.ErrNotFound) || store.Temporary(err) {
				e.Errorf("%s of plan %s: %v, want ErrNotFound", name, id, err)
			}
		}
		e.ok(calls["Remove"](e.ctx)) // the plan is already removed
		e.ok(calls["Reschedule"](e.ctx))
	}
}

// errorsContext: a call whose context has ended does nothing and returns the context's error.
func errorsContext(e *env) {
	r := e.start(1, concurrently(1))
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	calls := e.calls(r.id)
	calls["Listen"] = func(ctx context.Context) error { return e.Listen(ctx, func(store.Hint) {}) }
	calls["claim"] = func(ctx context.Context) error {
		return e.Commit(ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: "id", Worker: "me", Max: 1}})
	}
	for name, call := range calls {
		err := call(ctx)
		if err == nil && name == "Listen" {
			continue
		}
		if !errors.Is(err, context.Canceled) || store.Temporary(err) {
			e.Errorf("%s: %v, want the context's error", name, err)
		}
	}
	equal(e, "held", r.read().Counters.Held, 0)
	e.reserve([]store.TenantLock{lock("a", 1)})
	e.beat("me", time.Minute)
}

// errorsInputs: input that no engine sends is harmless or returns an error; it never causes a
// panic.
func errorsInputs(e *env) {
	r := e.start(2, concurrently(2))
	long := string(make([]byte, 1000))
	for name, claim := range map[string]store.Claim{
		"a claim without id":       {Worker: "worker", Max: 1},
		"a claim with a huge id":   {ID: long, Worker: "worker", Max: 1},
		"a claim for nobody":       {ID: "id", Max: 1},
		"a claim of less than one": {ID: "id", Worker: "worker", Max: -1},
	} {
		e.refused(name, e.Commit(e.ctx, &store.Batch{Plan: r.id, Claim: claim}))
	}
	equal(e, "held", r.read().Counters.Held, 0)

	j := r.take("worker", 1)[0]
	changes, _ := r.commit(store.Change{}, store.Change{Task: -1}, store.Change{Task: task.NewID(r.id, 0)}, store.Change{Task: task.NewID(r.id, 999_999)})
	for _, w := range changes {
		e.is(w.Err, store.ErrNotFound)
	}
	r.do(j.work(store.Save)) // a save without content

	for name, edit := range map[string]func(c *store.Command){
		"a command without id":     func(c *store.Command) { c.ID = "" },
		"a command with a huge id": func(c *store.Command) { c.ID = long },
		"an edit of no task":       func(c *store.Command) { c.Edits = []task.Edit{{ID: task.NewID(r.id, 77)}} },
		"an edit of another plan":  func(c *store.Command) { c.Edits = []task.Edit{{ID: task.NewID(r.id+1, 1)}} },
		"an edit to no state":      func(c *store.Command) { c.Edits = []task.Edit{edited(r.task(1), task.State(99))} },
		"two edits of the same task": func(c *store.Command) {
			c.Edits = []task.Edit{edited(r.task(2), task.Skipped), edited(r.task(2), task.Skipped)}
		},
	} {
		c := r.decision(func(p plan.Plan) (plan.Decision, error) { return plan.Decision{Plan: p, Changed: true}, nil })
		edit(&c)
		_, err := r.Apply(e.ctx, c)
		e.refused(name, err)
	}
	for _, mark := range []string{"", long[:store.MaxID+1]} {
		a := e.announce(1, concurrently(1))
		a.Mark = mark
		_, err := e.BeginCreate(e.ctx, a)
		e.is(err, store.ErrInvalid)
	}
	a := e.announce(1, concurrently(1))
	a.Mark = long[:store.MaxID]
	_, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	_, err = e.Heartbeat(e.ctx, "", time.Minute, nil)
	e.refused("a heartbeat of nobody", err)
}

// errorsPages: an invalid page is refused with an error that names the argument, and is not
// adjusted. A caller that asked for 5,000 items and got 1,000 would mistake them for the last page.
func errorsPages(e *env) {
	r := e.start(3, concurrently(3))
	events := map[string]func(after, limit int) error{
		"Events":     func(after, limit int) error { _, err := e.Events(e.ctx, r.id, int64(after), limit); return err },
		"PlanEvents": func(after, limit int) error { _, err := e.PlanEvents(e.ctx, r.id, int64(after), limit); return err },
	}
	ordinals := map[string]func(after, limit int) error{
		"Tasks": func(after, limit int) error {
			_, _, err := e.Tasks(e.ctx, r.id, store.TaskQuery{After: after, Limit: limit})
			return err
		},
		"unheld Tasks": func(after, limit int) error {
			_, _, err := e.Tasks(e.ctx, r.id, store.TaskQuery{After: after, Limit: limit, Unheld: true})
			return err
		},
		"States":  func(after, limit int) error { _, err := e.States(e.ctx, r.id, after, limit); return err },
		"Tenants": func(after, limit int) error { _, err := e.Tenants(e.ctx, r.id, after, limit); return err },
	}
	plans := func(before, limit int) error {
		_, err := e.Plans(e.ctx, store.PlanQuery{Before: plan.ID(before), Limit: limit})
		return err
	}
	due := func(_, limit int) error { _, err := e.Due(e.ctx, []string{"EXECUTOR"}, limit); return err }
	page := func(name string, call func(after, limit int) error, most int) {
		e.Helper()
		e.names(name, call(0, -1), "Limit")
		e.names(name, call(0, math.MinInt), "Limit")
		e.names(name, call(0, most+1), "Limit")
		e.names(name, call(0, math.MaxInt), "Limit")
		e.names(name, call(0, most))
		e.names(name, call(0, 0))
	}
	maps.Copy(events, ordinals)
	for name, call := range events {
		most := store.MaxPage
		if name == "States" || name == "Tenants" {
			most = store.MaxStates
		}
		page(name, call, most)
		e.names(name, call(-1, 1), "After")
		e.names(name, call(math.MinInt, -4), "After", "Limit")
		if ordinals[name] != nil {
			e.names(name, call(task.MaxPerPlan+1, 1), "After")
			e.names(name, call(math.MaxInt, 1), "After")
			e.names(name, call(task.MaxPerPlan, 1))
		}
	}
	page("Plans", plans, store.MaxPage)
	page("Due", due, store.MaxPage)
	e.names("Plans", plans(-1, -1), "Before", "Limit")
	e.names("Plans", plans(math.MaxInt, 1))
	_, err := e.Plans(e.ctx, store.PlanQuery{States: []plan.State{plan.Running, 200}})
	e.names("Plans", err, "States[1]")
	_, _, err = e.Tasks(e.ctx, r.id, store.TaskQuery{After: -1, States: []task.State{200, task.Running}})
	e.names("Tasks", err, "After", "States[0]")
	_, _, err = e.Tasks(e.ctx, r.id, store.TaskQuery{Until: -1, Limit: -1})
	e.names("Tasks", err, "Until", "Limit")
	_, _, err = e.Tasks(e.ctx, r.id, store.TaskQuery{Until: task.MaxPerPlan + 1, Unheld: true})
	e.names("unheld Tasks", err, "Until")
}

// names checks that a call was refused because of exactly the arguments in want.
func (e *env) names(call string, err error, want ...string) {
	e.Helper()
	var reported *store.InvalidError
	var got []string
	if errors.As(err, &reported) {
		for _, f := range reported.Faults {
			got = append(got, f.Field)
		}
	}
	if !slices.Equal(got, want) || errors.Is(err, store.ErrInvalid) != (len(want) > 0) || (err == nil) != (len(want) == 0) {
		e.Errorf("%s: %v names %v, want %v", call, err, got, want)
	}
}

func edited(t task.Task, s task.State) task.Edit {
	e := task.Edit{ID: t.ID, Version: t.Version, Control: t.Control}
	e.State = s
	return e
}
