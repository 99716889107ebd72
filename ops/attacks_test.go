package ops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// meddling is an engine whose plans change before the first task is skipped.
type meddling struct {
	ops.Engine
	done *atomic.Bool
}

func (m meddling) SkipTask(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error) {
	if m.done.CompareAndSwap(false, true) {
		if _, err := m.Note(ctx, id.Plan(), cutover.Because("somebody else")); err != nil {
			return cutover.TaskResult{}, err
		}
	}
	return m.Engine.SkipTask(ctx, id, opts...)
}

// onRead is a body; what it is for happens when it is read.
type onRead struct {
	*strings.Reader
	happens func()
}

func (b *onRead) Read(p []byte) (int, error) {
	if b.happens != nil {
		b.happens()
		b.happens = nil
	}
	return b.Reader.Read(p)
}

// An exclusion for a version does nothing if the plan changes while its body comes, or just before
// the first task is skipped.
func TestExclusionsMeetOtherWriters(t *testing.T) {
	t.Parallel()
	const exclusion = `{"tenantIds":["a","b"],"reason":"r"}`
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a", "b", "c")
	for name, h := range map[string]http.Handler{
		"while the body comes": s.handler, "before the first skip": mount(t, meddling{s.engine, new(atomic.Bool)}, ops.Config{}),
	} {
		before, err := s.engine.Plan(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		body := &onRead{strings.NewReader(exclusion), nil}
		if name == "while the body comes" {
			body.happens = func() {
				if _, err := s.engine.Note(t.Context(), 1, cutover.Because("somebody else")); err != nil {
					t.Error(err)
				}
			}
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/plans/1/tenants/exclude", body)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, before.Version))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		after, err := s.engine.Plan(t.Context(), 1)
		if w.Code != http.StatusPreconditionFailed || err != nil || after.Counters.Of(task.Skipped) != 0 {
			t.Errorf("%s: %d %s, %d skipped, %v", name, w.Code, w.Body, after.Counters.Of(task.Skipped), err)
		}
	}
}

// An exclusion whose answer was lost can be sent again with its version and its key: it says that
// it was carried out, and not that the plan has changed.
func TestExclusionSentAgain(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a", "b", "c")
	for i, want := range []string{"matched 2 changing 2", "matched 2 unchanged 2"} {
		r := s.send("POST", "plans/1/tenants/exclude", `{"tenantIds":["a","b"],"reason":"r"}`, "If-Match", `"1"`, "Idempotency-Key", "k")
		tasks, _ := r.body["tasks"].(map[string]any)
		got := fmt.Sprint("matched ", tasks["matched"])
		for _, what := range []string{"changing", "unchanged"} {
			if n, _ := tasks[what].(float64); n > 0 {
				got += fmt.Sprint(" ", what, " ", n)
			}
		}
		if r.status != http.StatusOK || got != want || (r.body["repeated"] == true) != (i > 0) {
			t.Errorf("%d %s, %s", r.status, r.text, got)
		}
	}
	if r := s.send("POST", "plans/1/tenants/exclude", `{"tenantIds":["c"],"reason":"r"}`, "If-Match", `"1"`, "Idempotency-Key", "other"); r.code() != "VERSION_MISMATCH" {
		t.Errorf("another one: %d %s", r.status, r.text)
	}
}

// Whoever counts the tasks of large plans, or divides large lists into waves, waits for a place;
// commands that are meant do not.
func TestDryRunsAreCostly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		for i := range ops.MaxCostly {
			s.create(plan.Spec{}, fmt.Sprint("a", i))
		}
		e := halting{s.engine, make(chan struct{})}
		s.handler = mount(t, e, ops.Config{})
		answered := make(chan reply, ops.MaxCostly)
		for i := range ops.MaxCostly {
			go func() { answered <- s.send("GET", fmt.Sprintf("plans/%d/matrix", i+1), "") }()
		}
		synctest.Wait()
		dry := []string{"plans/1/tasks/skip", `{"filter":{},"dryRun":true}`, "plans/1/tasks/retry", `{"filter":{},"dryRun":true}`, "preview", small}
		for i := 0; i < len(dry); i += 2 {
			if r := s.send("POST", dry[i], dry[i+1]); r.code() != "TOO_MANY_READS" || r.header.Get("Retry-After") != "1" {
				t.Errorf("%s: %d %s", dry[i], r.status, r.text)
			}
		}
		if r := s.send("POST", "plans/1/tasks/skip", `{"filter":{},"reason":"r"}`); r.status != http.StatusOK {
			t.Errorf("meant: %d %s", r.status, r.text)
		}
		close(e.on)
		for range ops.MaxCostly {
			<-answered
		}
		for i := range 3 * ops.MaxCostly { // they leave their places
			if r := s.send("POST", dry[2*(i%3)], dry[2*(i%3)+1]); r.code() == "TOO_MANY_READS" {
				t.Fatalf("afterwards: %d %s", r.status, r.text)
			}
		}
	})
}

// growing is an engine in which something happens whenever somebody has read events.
type growing struct {
	ops.Engine
	read *atomic.Int32
}

func (g growing) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if g.read.Add(1) > 100 {
		return nil, errors.New("it has no end")
	}
	page, err := g.Engine.Events(ctx, id, after, limit)
	_, _ = g.Note(ctx, id, cutover.Because("more"))
	return page, err
}

// An export of a plan in which more happens than its client reads has an end.
func TestExportOfABusyPlanEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	lines := linesOf(t, mount(t, growing{s.engine, new(atomic.Int32)}, ops.Config{}))
	if got := last(lines); got != "map[end:map[events:1 tasks:1]]" {
		t.Errorf("%d lines, the last is %s", len(lines), got)
	}
}

// Of a plan that a caller may not view nothing is told on any path, whoever has asked before, and
// whatever it holds.
func TestHiddenPlansOnEveryPath(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.join("w", store.Process{})
	id := s.create(plan.Spec{Annotations: map[string]string{"ticket": "secret"}}, "secret-tenant")
	s.start(id)
	s.holds("w", 1, id)
	eve := limited{"eve", func(a ops.Action, p *plan.Plan) bool { return a != ops.View || p == nil || p.ID != id }}
	h := mount(t, s.engine, ops.Config{Authenticate: as(eve)})
	s.create(plan.Spec{}, "mine")
	for _, path := range []string{
		"export", "why", "tasks", "tasks?state=RUNNING", "matrix", "failures", "events", "commands", "tasks/retry", "tasks/pause", "tasks/resume", "tasks/cancel",
		"tasks/skip", "tasks/rollback", "tenants/add", "tenants/exclude", "waves/1/approve", "note", "delete",
	} {
		ask := func(h http.Handler, n plan.ID) reply {
			target, method, body := fmt.Sprintf("plans/%d/%s", n, path), "GET", ""
			switch {
			case path == "why":
				target = fmt.Sprintf("tasks/%d000001/why", n)
			case strings.Contains(path, "/") || path == "note" || path == "delete":
				method, body = "POST", `{"filter":{},"tenantIds":["x"],"dryRun":true,"reason":"r"}`
			}
			return send(t, h, method, target, body, "If-Match", `"1"`)
		}
		if path == "matrix" {
			ask(s.handler, id) // it is kept for a moment
		}
		got, want := ask(h, id), ask(h, 99)
		if got.status != http.StatusNotFound || got.text != want.text {
			t.Errorf("%s: %d %s\nwant %d %s", path, got.status, got.text, want.status, want.text)
		}
	}
	for _, path := range []string{"plans", "plans?state=RUNNING", "workers", "workers?worker=w", "tenants?id=secret-tenant", "notifiers", "me"} {
		if r := send(t, h, "GET", path, ""); r.status != http.StatusOK || strings.Contains(r.text, `"plan":1`) || strings.Contains(r.text, `"planId":1,`) ||
			strings.Contains(strings.ReplaceAll(r.text, `"tenant":"secret-tenant","held":true`, ""), "secret") {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if r := send(t, h, "POST", "plans/pause", ""); r.status != http.StatusOK || r.text != `{"plans":[],"unchanged":0}`+"\n" && r.text != `{"plans":[],"unchanged":0}` {
		t.Errorf("pause of all: %d %s", r.status, r.text)
	}
	if p, err := s.engine.Plan(t.Context(), id); err != nil || p.State != plan.Running {
		t.Errorf("%s, %v", p.State, err)
	}
}
