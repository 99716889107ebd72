package ops_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

// One answer names the faults of the request, of its list and of the spec. What could not be read
// has no further fault.
func TestAllFaultsOfACreation(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	const spec = `{"name":" ","executorType":"","strategy":{"maxFailures":"200%","bakeTime":"-1s","waves":[{"labels":{"region":"eu"}},{}]}}`
	own := []string{"name is blank", "executorType is empty", `strategy.maxFailures is no amount, such as 3 or "10%"`, "strategy.bakeTime -1s is negative"}
	list := "id,labels.region\na,eu\na,us\n"
	for name, tt := range map[string]struct {
		reply reply
		want  []string
	}{
		"an upload":            {s.upload("plans", form("plan", spec, "tenants", list)), append([]string{`tenants.id is "a", which is in line 2 already`}, own...)},
		"a preview":            {s.upload("preview", form("plan", spec, "tenants", list)), append([]string{`tenants.id is "a", which is in line 2 already`}, own...)},
		"an empty list":        {s.upload("plans", form("plan", `{"name":"","executorType":"X","owner":"o"}`, "tenants", "")), []string{"owner is unknown", "tenants has no tenants", "name is empty"}},
		"a spec that is none":  {s.upload("plans", form("plan", `[]`, "tenants", list)), []string{"plan is not an object", `tenants.id is "a", which is in line 2 already`}},
		"JSON":                 {s.send("POST", "plans", `{"name":7,"executorType":"","tenantIds":["a","a"],"x":1}`), []string{"name is not a text", "x is unknown", "tenantIds[1] tenant \"a\" is already Tenants[0]", "executorType is empty"}},
		"JSON without tenants": {s.send("POST", "plans?dryRun=1", `{"name":"","executorType":"X"}`), []string{" has a query; what it says must be in the body", "tenantIds is empty", "name is empty"}},
		"JSON with a bad list": {s.send("POST", "plans", `{"name":"","executorType":"X","tenantIds":[1]}`), []string{"tenantIds[0] is not a text", "name is empty"}},
	} {
		got, want := tt.reply.faults(), slices.Clone(tt.want)
		slices.Sort(got)
		slices.Sort(want)
		if tt.reply.status != http.StatusBadRequest || !slices.Equal(got, want) || int(tt.reply.body["faultCount"].(float64)) != len(want) {
			t.Errorf("%s: %d %q\nwant %q", name, tt.reply.status, got, want)
		}
	}
	if r := s.send("GET", "plans", ""); len(r.body["plans"].([]any)) != 0 {
		t.Error("a plan was created")
	}
}

// Who may create nothing is refused before a byte of the body is read.
func TestCreateIsAskedFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{Authenticate: as(limited{"eve", func(a ops.Action, _ *plan.Plan) bool { return a != ops.Create }})})
	for _, path := range []string{"plans", "preview"} {
		for _, kind := range []string{"application/json", "multipart/form-data; boundary=b"} {
			body := &counted{Reader: strings.NewReader("--b\r\n")}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/"+path, body)
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			if w.Code != http.StatusForbidden || body.read > 0 {
				t.Errorf("%s of %s: %d after %d bytes", kind, path, w.Code, body.read)
			}
		}
	}
}

type counted struct {
	io.Reader
	read int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read += n
	return n, err
}

// A version is refused where it can be none of a plan: nobody is to think that it was compared.
func TestIfMatchWithoutAPlan(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	const spec = `{"name":"n","executorType":"X","tenantIds":["a"]}`
	for _, path := range []string{"plans", "preview"} {
		for value, want := range map[string]string{
			`"7"`: "[If-Match is for a command on one plan]", `7`: "[If-Match is not the version of a plan in quotes, such as \"7\"]",
		} {
			if r := s.send("POST", path, spec, "If-Match", value); r.status != http.StatusBadRequest || fmt.Sprint(r.faults()) != want {
				t.Errorf("%s with %s: %d %s", path, value, r.status, r.text)
			}
		}
		if r := s.send("POST", path, spec, "If-Match", "*"); r.status/100 != 2 {
			t.Errorf("%s with *: %d %s", path, r.status, r.text)
		}
	}
}

// The tasks of hidden plans take no places from those that a caller may view.
func TestWorkersTasksBehindHiddenOnes(t *testing.T) {
	t.Parallel()
	visible := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p == nil || p.ID != 1 }}
	s := newSite(t, nil, ops.Config{Authenticate: as(visible)})
	many := make([]string, store.MaxBatch)
	for i := range many {
		many[i] = fmt.Sprint("hidden", i)
	}
	s.join("w", store.Process{})
	for _, tenants := range [][]string{many, {"mine"}} {
		id := s.create(plan.Spec{Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(len(tenants))}}, tenants...)
		s.start(id)
		b := store.Batch{Plan: id, Claim: store.Claim{ID: fmt.Sprint("c", id), Worker: "w", Max: len(tenants)}}
		if err := s.store.Commit(context.WithoutCancel(t.Context()), &b); err != nil || len(b.Claimed) != len(tenants) {
			t.Fatal(err)
		}
	}
	if err := s.store.Report(t.Context(), "w", store.Load{Held: 101, Plans: []plan.ID{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if r := s.send("GET", "workers?worker=w", ""); !strings.Contains(r.text, "mine") || strings.Contains(r.text, "hidden") {
		t.Errorf("%d %s", r.status, r.text)
	}
}
