package ops_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
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
		{nil, `[{"tenantId":"a","planId":1},{"tenantId":"b","planId":2}]`, `store: tenant "a" is held by plan 1, and at least 1 more tenants are held`},
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

// heldQuota creates three plans of one shard with a quota of it, and starts them. The first and the
// third have the places.
func heldQuota(t *testing.T) *site {
	t.Helper()
	s := newSite(t, nil, ops.Config{})
	s.join("w", store.Process{Executors: []string{"X"}})
	for _, tenant := range []string{"a", "b", "c"} {
		p, err := s.engine.Create(t.Context(), plan.Spec{
			Name: "n", ExecutorType: "X", Tenants: []task.Tenant{{ID: tenant, Labels: map[string]string{"shard": "s1"}}},
			Strategy: strategy.Strategy{Quotas: []strategy.Quota{{Label: "shard", Max: 2}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.start(p.ID)
	}
	for _, id := range []plan.ID{1, 3} {
		s.holds("w", 1, id)
		p, err := s.engine.Plan(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		asked := []store.Occupation{{Place: store.Place{QuotaKey: store.QuotaKey{Label: "shard", Value: "s1"}, Plan: id, Ordinal: 1, Start: p.StartToken, Phase: 1}, Max: 2}}
		if err := s.store.Occupy(t.Context(), asked); err != nil || !asked[0].Taken {
			t.Fatalf("%+v, %v", asked, err)
		}
	}
	return s
}

// Why a task finds no place in a quota names of those that have the places only tasks of plans that
// the caller may view.
func TestQuotaNamesNoHiddenPlan(t *testing.T) {
	t.Parallel()
	s := heldQuota(t)
	const before, after = `{"taskId":2000001,"taskState":"PENDING","planState":"RUNNING","code":"QUOTA","params":{`, `"label":"shard","max":2,"value":"s1"},"text":"The quota of 2 for \"shard\" = \"s1\" is full`
	for _, tt := range []struct {
		hidden          []plan.ID
		holders, suffix string
	}{
		{nil, `"holders":[1000001,3000001],`, `; in flight: 1000001, 3000001."}`},
		{[]plan.ID{1}, `"holders":[3000001],`, `; in flight: 3000001."}`},
		{[]plan.ID{1, 3}, `"holders":[],`, `."}`},
	} {
		s.handler = mount(t, s.engine, ops.Config{Authenticate: as(blind(tt.hidden...))})
		if r := s.send("GET", "tasks/2000001/why", ""); r.status != http.StatusOK || r.text != before+tt.holders+after+tt.suffix {
			t.Errorf("without %v: %d %s", tt.hidden, r.status, r.text)
		}
	}
}

// A task that was skipped because another plan worked on its tenant names that plan, wherever it or
// its event is shown, only to those who may view it.
func TestSkippedTasksNameNoHiddenPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		s.start(s.create(plan.Spec{}, "a"))
		id := s.create(plan.Spec{Strategy: strategy.Strategy{Conflict: strategy.Skip}}, "a", "b")
		const named, unnamed = "plan 1 worked on the tenant when the plan was started (task 1000001)", "another plan worked on the tenant when the plan was started"
		for _, tt := range []struct {
			caller ops.Caller
			want   string
			not    string
		}{{blind(), named, unnamed}, {blind(1), unnamed, "1000001"}} {
			h := newHandler(t, s.engine, ops.Config{Authenticate: as(tt.caller)})
			s.handler = http.StripPrefix("/api", h)
			live, later := watch(t, s.handler, "?plan=2"), (*screen)(nil)
			live.news()
			if p, err := s.engine.Plan(t.Context(), id); err != nil || p.State == plan.Created {
				s.start(id)
			}
			for request, times := range map[string]int{
				"GET tasks/2000001": 1, "GET plans/2/tasks": 1, "GET plans/2/events": 1, "GET plans/2/export": 2, "GET tasks/2000001/why": 2, "POST tasks/2000001/skip": 1,
			} {
				method, path, _ := strings.Cut(request, " ")
				body := io.Reader(http.NoBody)
				if method == "POST" {
					body = strings.NewReader(`{"reason":"x"}`)
				}
				r := httptest.NewRequestWithContext(t.Context(), method, "/api/"+path, body)
				r.Header.Set("Content-Type", "application/json")
				w := pieces{httptest.NewRecorder()}
				s.handler.ServeHTTP(w, r)
				if text := w.Body.String(); w.Code != http.StatusOK || strings.Count(text, tt.want) != times || strings.Contains(text, tt.not) {
					t.Errorf("%s: %d %s", request, w.Code, text)
				}
			}
			later = watch(t, s.handler, "?plan=2", "Last-Event-ID", "2:0")
			for name, c := range map[string]*screen{"live": live, "from the log": later} {
				time.Sleep(time.Second)
				text := ""
				for _, m := range kind("events", c.messages()) {
					text += m.text
				}
				if (name == "live" && tt.not == unnamed || name != "live") && !strings.Contains(text, tt.want) || strings.Contains(text, tt.not) {
					t.Errorf("%s: %s", name, text)
				}
			}
			live.leave()
			later.leave()
			h.Close()
		}
	})
}

// pieces records an answer that is written piece by piece.
type pieces struct{ *httptest.ResponseRecorder }

func (pieces) SetReadDeadline(time.Time) error { return nil }

func (pieces) SetWriteDeadline(time.Time) error { return nil }
