package storetest

import (
	"context"
	"errors"
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
	}
}

// calls returns a call of every method, about a plan.
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
		"Join": func(ctx context.Context) error { return e.Join(ctx, "me", time.Minute) },
		"Heartbeat": func(ctx context.Context) error {
			_, err := e.Heartbeat(ctx, "me", time.Minute, []plan.ID{id})
			return err
		},
		"Leave":   func(ctx context.Context) error { return e.Leave(ctx, "me") },
		"Orphans": func(ctx context.Context) error { _, err := e.Orphans(ctx, id); return err },
		"Reserve": func(ctx context.Context) error {
			_, err := e.Reserve(ctx, []store.TenantLock{lock("a", id)})
			return err
		},
		"Replace":    func(ctx context.Context) error { _, err := e.Replace(ctx, lock("a", id), lock("a", id+1)); return err },
		"Release":    func(ctx context.Context) error { return e.Release(ctx, []store.TenantLock{lock("a", id)}) },
		"Due":        func(ctx context.Context) error { _, err := e.Due(ctx, 1); return err },
		"Rest":       func(ctx context.Context) error { return e.Rest(ctx, id, 1, time.Second) },
		"Cursor":     func(ctx context.Context) error { _, err := e.Cursor(ctx, id, "mail", "me", time.Minute); return err },
		"MoveCursor": func(ctx context.Context) error { return e.MoveCursor(ctx, id, "mail", "me", 1) },
		"Plan":       func(ctx context.Context) error { _, err := e.Plan(ctx, id); return err },
		"Plans":      func(ctx context.Context) error { _, err := e.Plans(ctx, store.PlanQuery{}); return err },
		"Task":       func(ctx context.Context) error { _, err := e.Task(ctx, task.NewID(id, 1)); return err },
		"Tasks":      func(ctx context.Context) error { _, _, err := e.Tasks(ctx, id, store.TaskQuery{}); return err },
		"States":     func(ctx context.Context) error { _, err := e.States(ctx, id, 0, 0); return err },
		"Tenants":    func(ctx context.Context) error { _, err := e.Tenants(ctx, id, 0, 0); return err },
		"Events":     func(ctx context.Context) error { _, err := e.Events(ctx, id, 0, 1); return err },
	}
}

func errorsNotFound(e *env) {
	e.create(1, concurrently(1))
	for _, id := range []plan.ID{1000, task.MaxPlanID, 0, -1} {
		calls := e.calls(id)
		for _, name := range []string{"AddTenants", "FinishCreate", "Commit", "Apply", "Orphans", "Cursor", "MoveCursor", "Plan", "Task", "Tasks", "States", "Tenants", "Events"} {
			if err := calls[name](e.ctx); !errors.Is(err, store.ErrNotFound) || store.Temporary(err) {
				e.Errorf("%s of plan %s: %v, want ErrNotFound", name, id, err)
			}
		}
		e.ok(calls["Remove"](e.ctx)) // removed already
		e.ok(calls["Rest"](e.ctx))
	}
}

// errorsContext: a call whose owner has given up does nothing and says why.
func errorsContext(e *env) {
	r := e.start(1, concurrently(1))
	e.ok(e.Join(e.ctx, "me", time.Minute))
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	calls := e.calls(r.id)
	calls["Listen"] = func(ctx context.Context) error { return e.Listen(ctx, func(plan.ID) {}) }
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

// errorsInputs: what no engine sends is an error, or harmless; never a panic.
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
	works, _ := r.commit(store.Work{}, store.Work{Task: -1}, store.Work{Task: task.NewID(r.id, 0)}, store.Work{Task: task.NewID(r.id, 999_999)})
	for _, w := range works {
		e.is(w.Err, store.ErrNotFound)
	}
	r.do(j.work(store.Save)) // saves nothing

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
	_, err = e.Due(e.ctx, -1)
	if store.Temporary(err) {
		e.Errorf("due plans, less than none: %v", err)
	}
}

func edited(t task.Task, s task.State) task.Edit {
	e := task.Edit{ID: t.ID, Version: t.Version, Control: t.Control}
	e.State = s
	return e
}
