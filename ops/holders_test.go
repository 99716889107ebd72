package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// blind is a caller who may do everything with all plans but some, which he may not view.
func blind(hidden ...plan.ID) ops.Caller {
	return limited{"eve", func(_ ops.Action, p *plan.Plan) bool {
		for _, id := range hidden {
			if p != nil && p.ID == id {
				return false
			}
		}
		return true
	}}
}

// Why a task does not move names the plan that works on its tenant only to those who may view it.
func TestWhyNamesNoHiddenPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	s.create(plan.Spec{}, "a")
	const shown = `{"taskId":2000001,"taskState":"PENDING","planState":"CREATED","code":"TENANT_HELD",` +
		`"params":{"planId":1,"planState":"RUNNING","taskId":1000001},"text":"Plan 1, which is RUNNING, works on the tenant."}`
	if r := s.send("GET", "tasks/2000001/why", ""); r.text != shown {
		t.Errorf("%d %s", r.status, r.text)
	}
	s.handler = mount(t, s.engine, ops.Config{Authenticate: as(blind(1))})
	const hidden = `{"taskId":2000001,"taskState":"PENDING","planState":"CREATED","code":"TENANT_HELD","text":"Another plan works on the tenant."}`
	if r := s.send("GET", "tasks/2000001/why", ""); r.status != http.StatusOK || r.text != hidden {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// A start that other plans are in the way of names the plans that the caller may view, and a
// sentence only if these are all.
func TestTenantHeldNamesNoHiddenPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	s.start(s.create(plan.Spec{}, "b"))
	s.create(plan.Spec{}, "a", "b")
	for _, tt := range []struct {
		hidden []plan.ID
		held   string
		detail string
	}{
		{nil, `[{"tenantId":"a","planId":1},{"tenantId":"b","planId":2}]`, `store: tenant "a" is held by plan 1, and 1 more tenants are held`},
		{[]plan.ID{1}, `[{"tenantId":"a"},{"tenantId":"b","planId":2}]`, ""},
		{[]plan.ID{2}, `[{"tenantId":"a","planId":1},{"tenantId":"b"}]`, ""},
		{[]plan.ID{1, 2}, `[{"tenantId":"a"},{"tenantId":"b"}]`, ""},
	} {
		s.handler = mount(t, s.engine, ops.Config{Authenticate: as(blind(tt.hidden...))})
		r := s.send("POST", "plans/3/start", "")
		detail, _ := r.body["detail"].(string)
		if r.status != http.StatusConflict || r.code() != "TENANT_HELD" || !strings.Contains(r.text, `"held":`+tt.held+`}`) || detail != tt.detail {
			t.Errorf("without %v: %d %s", tt.hidden, r.status, r.text)
		}
	}
}

// Each plan is read once, at most 100 of them. One that cannot be read is not shown, and while the
// store is away none is asked for after the first.
func TestHoldersAreReadOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		plans, each int // how many plans hold how many tenants each
		err         error
		reads       int
		shown       int
	}{
		"one plan":       {1, 100, nil, 1, 100},
		"many plans":     {100, 1, nil, 100, 100},
		"too many plans": {150, 1, nil, 100, 100},
		"away":           {100, 1, &store.TemporaryError{Err: context.DeadlineExceeded}, 1, 0},
		"damaged":        {3, 2, &store.CorruptError{Key: "secret"}, 3, 0},
		"removed":        {3, 2, store.ErrNotFound, 3, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &refusing{plans: tt.plans, each: tt.each, err: tt.err}
			r := send(t, mount(t, e, ops.Config{}), "POST", "plans/1000/start", "")
			held, _ := r.body["params"].(map[string]any)["held"].([]any)
			if shown := strings.Count(r.text, `"planId":`); r.code() != "TENANT_HELD" || len(held) != tt.plans*tt.each || shown != tt.shown || e.reads != tt.reads {
				t.Errorf("%d tenants with %d plans after %d reads: %d %s", len(held), shown, e.reads, r.status, r.text)
			}
			if detail, _ := r.body["detail"].(string); (detail != "") != (tt.shown == len(held)) {
				t.Errorf("detail %q", detail)
			}
			why := send(t, mount(t, e, ops.Config{}), "GET", "tasks/1000000001/why", "")
			if named := strings.Contains(why.text, "lan 1"); why.status != http.StatusOK || named != (tt.err == nil) {
				t.Errorf("%d %s", why.status, why.text)
			}
		})
	}
}

// refusing is an engine whose starts are refused because other plans hold tenants.
type refusing struct {
	ops.Engine
	plans, each int
	err         error // of reading the other plans
	reads       int
}

func (e *refusing) Plan(_ context.Context, id plan.ID) (plan.Plan, error) {
	if id == 1000 {
		return plan.Plan{ID: id}, nil
	}
	e.reads++
	return plan.Plan{ID: id}, e.err
}

func (e *refusing) Start(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error) {
	held := &store.TenantHeldError{}
	for i := range e.plans * e.each {
		held.Held = append(held.Held, store.TenantLock{Tenant: fmt.Sprint(i), Plan: plan.ID(i/e.each + 1)})
	}
	return cutover.PlanResult{}, fmt.Errorf("start: %w", held)
}

func (e *refusing) Explain(_ context.Context, id task.ID) (plan.Reason, error) {
	return plan.Reason{Code: plan.ReasonTenantHeld, Task: id, Holder: task.NewID(1, 1)}, nil
}

// A function of the host that panics while an answer is made costs no client its answer.
func TestHoldersOfAPanickingCaller(t *testing.T) {
	t.Parallel()
	caller := limited{"eve", func(_ ops.Action, p *plan.Plan) bool {
		if p != nil && p.ID == 1 {
			panic("secret")
		}
		return true
	}}
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	s.create(plan.Spec{}, "a")
	s.handler = mount(t, s.engine, ops.Config{Authenticate: as(caller)})
	for path, method := range map[string]string{"plans/2/start": "POST", "tasks/2000001/why": "GET"} {
		if r := s.send(method, path, ""); r.code() != "INTERNAL" || strings.Contains(r.text, "secret") {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
}
