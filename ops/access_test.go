package ops_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// limited is a caller who may do only some things.
type limited struct {
	name string
	may  func(ops.Action, *plan.Plan) bool
}

func (l limited) Actor() string { return l.name }

func (l limited) May(a ops.Action, p *plan.Plan) bool { return l.may(a, p) }

// as authenticates every request as a caller.
func as(c ops.Caller) func(*http.Request) (ops.Caller, error) {
	return func(*http.Request) (ops.Caller, error) { return c, nil }
}

// only returns a caller who may do these things with every plan.
func only(actions ...ops.Action) ops.Caller {
	return limited{"eve", func(a ops.Action, _ *plan.Plan) bool { return slices.Contains(actions, a) }}
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	calls := 0
	for name, tt := range map[string]struct {
		authenticate func(*http.Request) (ops.Caller, error)
		status       int
		code         string
		challenge    string
	}{
		"refused": {func(*http.Request) (ops.Caller, error) { return nil, errors.New("secret") }, 401, "UNAUTHENTICATED", ""},
		"challenged": {func(*http.Request) (ops.Caller, error) {
			return nil, &ops.ChallengeError{Challenge: `Basic realm="ops"`}
		}, 401, "UNAUTHENTICATED", `Basic realm="ops"`},
		"a nil caller":    {func(*http.Request) (ops.Caller, error) { return nil, nil }, 500, "INTERNAL", ""},                            //nolint:nilnil // a host's mistake
		"a nil pointer":   {func(*http.Request) (ops.Caller, error) { var c *struct{ ops.Caller }; return c, nil }, 500, "INTERNAL", ""}, //nolint:nilnil // a host's mistake
		"a panic":         {func(*http.Request) (ops.Caller, error) { panic("secret") }, 500, "INTERNAL", ""},
		"a caller panics": {as(limited{"eve", func(ops.Action, *plan.Plan) bool { panic("secret") }}), 500, "INTERNAL", ""},
		"once a request": {func(*http.Request) (ops.Caller, error) {
			calls++
			return only(ops.View), nil
		}, 200, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil, ops.Config{Authenticate: tt.authenticate})
			id := s.create(plan.Spec{}, "a")
			r := s.send("GET", "plans/"+id.String(), "")
			if r.status != tt.status || r.code() != tt.code || r.header.Get("WWW-Authenticate") != tt.challenge || strings.Contains(r.text, "secret") {
				t.Errorf("%d %s, challenge %q", r.status, r.text, r.header.Get("WWW-Authenticate"))
			}
			for _, probe := range []string{"health", "ready"} {
				if r := s.send("GET", probe, ""); r.status != http.StatusOK {
					t.Errorf("%s: %d %s", probe, r.status, r.text)
				}
			}
		})
	}
	if calls != 1 {
		t.Errorf("authenticated %d times", calls)
	}
}

// paths are all paths about one plan, with the methods.
func paths(id plan.ID) []string {
	p, t := "plans/"+id.String(), "tasks/"+id.String()+"000001"
	list := []string{"GET " + p, "GET " + p + "/tasks", "GET " + p + "/events", "GET " + p + "/commands", "GET " + p + "/failures", "GET " + p + "/matrix", "GET " + t}
	for _, command := range []string{"start", "pause", "resume", "cancel", "rollback", "retry", "tune", "waves/1/approve", "waves/1/reject", "waves/1/rollback", "tenants/add", "tenants/exclude", "note", "delete"} {
		list = append(list, "POST "+p+"/"+command)
	}
	for _, command := range []string{"retry", "pause", "resume", "cancel", "skip", "rollback"} {
		list = append(list, "POST "+t+"/"+command)
	}
	return list
}

// What a caller may not view is not there: the answers are the same as for what does not exist.
func TestHiddenPlansDoNotExist(t *testing.T) {
	t.Parallel()
	hides := limited{"eve", func(a ops.Action, p *plan.Plan) bool { return p == nil || p.Name != "hidden" || a != ops.View }}
	s := newSite(t, nil, ops.Config{Authenticate: as(hides)})
	spec := plan.Spec{Name: "hidden", ExecutorType: "X", Tenants: plan.Tenants("a")}
	p, err := s.engine.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	absent := paths(99)
	for i, path := range paths(p.ID) {
		method, target, _ := strings.Cut(path, " ")
		_, other, _ := strings.Cut(absent[i], " ")
		got, want := s.send(method, target, ""), s.send(method, other, "")
		if got.status != http.StatusNotFound || got.text != want.text {
			t.Errorf("%s: %d %s\nwant %s", path, got.status, got.text, want.text)
		}
	}
	if r := s.send("GET", "plans", ""); len(r.body["plans"].([]any)) != 0 {
		t.Errorf("listed: %s", r.text)
	}
}

// Every command needs its own permission.
func TestForbidden(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{Authenticate: as(only(ops.View))})
	id := s.create(plan.Spec{}, "a")
	for _, path := range append(paths(id), "POST plans", "POST preview") {
		method, target, _ := strings.Cut(path, " ")
		body := ""
		if !strings.Contains(target, "/") {
			body = `{"name":"n","executorType":"X","tenantIds":["a"]}`
		}
		want := map[string]int{"GET": http.StatusOK, "POST": http.StatusForbidden}[method]
		if r := s.send(method, target, body); r.status != want {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if p, err := s.engine.Plan(t.Context(), id); err != nil || p.Version != 1 {
		t.Errorf("version %d: %v", p.Version, err)
	}
}

// The key of a plan that the caller may not view does not show it.
func TestKeyOfAHiddenPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.send("POST", "plans", small, "Idempotency-Key", "k")
	s.handler = mount(t, s.engine, ops.Config{Authenticate: as(only(ops.Create))})
	if r := s.send("POST", "plans", small, "Idempotency-Key", "k"); r.status != http.StatusForbidden || r.code() != "FORBIDDEN" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans", small, "Idempotency-Key", "other"); r.status != http.StatusCreated {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// Who may create is asked with the content of the plan.
func TestCreateIsAskedWithTheSpec(t *testing.T) {
	t.Parallel()
	var asked plan.Plan
	caller := limited{"eve", func(a ops.Action, p *plan.Plan) bool {
		if a == ops.Create && p != nil {
			asked = *p
		}
		return true
	}}
	s := newSite(t, nil, ops.Config{Authenticate: as(caller)})
	s.send("POST", "preview", `{"name":"n","executorType":"X","tenantIds":["a","b"],"parameters":{"k":"v"},"strategy":{"maxFailures":1}}`)
	if asked.ID != 0 || asked.Name != "n" || asked.ExecutorType != "X" || asked.TaskCount != 2 || asked.Parameters["k"] != "v" || asked.Strategy.MaxFailures.N != 1 {
		t.Errorf("asked about %+v", asked)
	}
}

// Checkpoints, undo logs and parameters are shown to those who may view data.
func TestViewData(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		save := executor.Func(func(ctx context.Context, run *executor.Run) error {
			if err := run.SaveUndo(ctx, "ONE", "secret undo"); err != nil {
				return err
			}
			if err := run.Save(ctx, "ONE", "secret checkpoint"); err != nil {
				return err
			}
			return errors.New("fails")
		})
		e, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{"X": save}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- e.Run(ctx) }()
		spec := plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants("a"), Parameters: map[string]string{"k": "secret parameter"}}
		if _, err := e.Create(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Start(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if _, err := e.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		for want, caller := range map[int]ops.Caller{3: only(ops.View, ops.ViewData), 0: only(ops.View)} {
			h := mount(t, e, ops.Config{Authenticate: as(caller)})
			shown := strings.Count(send(t, h, "GET", "tasks/1000001", "").text, "secret")
			if shown != want || strings.Count(send(t, h, "GET", "plans/1", "").text, "secret") != min(want, 1) {
				t.Errorf("%d secrets of the task are shown, want %d", shown, want)
			}
			r := send(t, h, "GET", "tasks/1000001", "")
			if c, _ := r.body["checkpoint"].(map[string]any); c["step"] != "ONE" {
				t.Errorf("the checkpoint is %v", c)
			}
			if r := send(t, h, "GET", "plans/1/tasks", ""); strings.Contains(r.text, "secret") {
				t.Errorf("a list shows data: %s", r.text)
			}
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func TestReadOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{Authenticate: ops.ReadOnly(ops.AllowAll("eve"))})
	id := s.create(plan.Spec{Parameters: map[string]string{"k": "v"}}, "a")
	r := s.send("GET", "plans/"+id.String(), "")
	if r.status != http.StatusOK || len(r.body["actions"].([]any)) != 0 || r.body["parameters"] == nil {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans/"+id.String()+"/start", ""); r.code() != "FORBIDDEN" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("GET", "me", ""); r.text != `{"actor":"eve","actions":["view","viewData"],"version":1}` {
		t.Error(r.text)
	}
	nobody := ops.ReadOnly(func(*http.Request) (ops.Caller, error) { return nil, errors.New("unknown") })
	if r := newSite(t, nil, ops.Config{Authenticate: nobody}).send("GET", "me", ""); r.code() != "UNAUTHENTICATED" {
		t.Errorf("%d %s", r.status, r.text)
	}
	careless := ops.ReadOnly(func(*http.Request) (ops.Caller, error) { return nil, nil }) //nolint:nilnil // a host's mistake
	if r := newSite(t, nil, ops.Config{Authenticate: careless}).send("GET", "me", ""); r.code() != "INTERNAL" {
		t.Errorf("%d %s", r.status, r.text)
	}
}
