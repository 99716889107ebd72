package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// where asks where a tenant is, and returns the answer in a line.
func (s *site) where(tenant string) string {
	s.t.Helper()
	r := s.send("GET", "tenants?id="+url.QueryEscape(tenant), "")
	if r.status != http.StatusOK || r.body["tenant"] != tenant {
		s.t.Fatalf("%q: %d %s", tenant, r.status, r.text)
	}
	line := fmt.Sprint(r.body["held"])
	shown := func(v any) string {
		t, _ := v.(map[string]any)
		return fmt.Sprint(" ", t["plan"], " ", t["planName"], " ", t["planState"], " ", t["task"], " ", t["state"], " ", t["attempt"], " ", t["worker"])
	}
	if r.body["holder"] != nil {
		line += shown(r.body["holder"])
	}
	for _, t := range r.body["tasks"].([]any) {
		line += ";" + shown(t)
	}
	return line + fmt.Sprint("; ", r.body["searchedDownTo"], " ", r.body["next"])
}

func TestTenantsAreFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	if got := s.where("acme"); got != "false; <nil> <nil>" {
		t.Errorf("without plans: %s", got)
	}
	ids := []string{"acme", "a/../b", "..", "a b&c", "ä\x00", strings.Repeat("x", 128)}
	s.create(plan.Spec{}, ids...)
	id := s.create(plan.Spec{}, ids...)
	s.start(id)
	s.join("w/1", store.Process{})
	s.holds("w/1", 1, id)
	if got := s.where("acme"); got != "true 2 n RUNNING 2.000001e+06 RUNNING 1 w/1; 2 n RUNNING 2.000001e+06 RUNNING 1 w/1; 1 n CREATED 1.000001e+06 PENDING 0 <nil>; 1 <nil>" {
		t.Error(got)
	}
	for i, id := range ids[1:] {
		want := fmt.Sprintf("true 2 n RUNNING %v PENDING 0 <nil>; 2 n RUNNING %[1]v PENDING 0 <nil>; 1 n CREATED %v PENDING 0 <nil>; 1 <nil>", 2000002.0+float64(i), 1000002.0+float64(i))
		if got := s.where(id); got != want {
			t.Errorf("%q: %s\nwant %s", id, got, want)
		}
	}
	if got := s.where("acm"); got != "false; 1 <nil>" {
		t.Error(got)
	}
}

// Plans that the caller may not view are not named; that the tenant is held is no secret.
func TestTenantsNameNoHiddenPlan(t *testing.T) {
	t.Parallel()
	odd := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p != nil && p.ID != 2 }}
	s := newSite(t, nil, ops.Config{Authenticate: as(odd)})
	for range 3 {
		s.create(plan.Spec{}, "acme")
	}
	s.start(2)
	if got := s.where("acme"); got != "true; 3 n CREATED 3.000001e+06 PENDING 0 <nil>; 1 n CREATED 1.000001e+06 PENDING 0 <nil>; 1 <nil>" {
		t.Error(got)
	}
}

// A search goes on where its last step ended.
func TestTenantsAreSearchedInSteps(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for i := range 105 {
		s.create(plan.Spec{}, []string{"acme", "other"}[i%2])
	}
	found, steps := 0, 0
	for cursor := ""; ; steps++ {
		r := s.send("GET", "tenants?id=acme"+cursor, "")
		if r.status != http.StatusOK || steps > 2 {
			t.Fatalf("%d %s", r.status, r.text)
		}
		found += len(r.body["tasks"].([]any))
		next, more := r.body["next"].(string)
		if want := []float64{6, 1}[steps]; r.body["searchedDownTo"] != want || more != (steps == 0) {
			t.Errorf("step %d: down to %v, %q", steps, r.body["searchedDownTo"], next)
		}
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	if found != 53 {
		t.Errorf("found %d", found)
	}
}

func TestTenantsAreAskedForProperly(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for target, want := range map[string]string{
		"tenants":                                "[id is not 1 to 128 bytes long]",
		"tenants?id=":                            "[id is not 1 to 128 bytes long]",
		"tenants?id=" + strings.Repeat("x", 129): "[id is not 1 to 128 bytes long]",
		"tenants?id=a&id=b":                      "[id is given twice]",
		"tenants?id=a&limit=1":                   "[limit is unknown]",
		"tenants?id=a&cursor=czA":                "[cursor is not one that a page of this list has named]",
		"tenants?id=a&cursor=czAuMA":             "[cursor is not one that a page of this list has named]", // s0.0
		"tenants?id=a&cursor=%21":                "[cursor is not one that a page of this list has named]",
	} {
		if r := s.send("GET", target, ""); r.status != http.StatusBadRequest || fmt.Sprint(r.faults()) != want {
			t.Errorf("%s: %d %v, want %s", target, r.status, r.faults(), want)
		}
	}
}

// halfAway is a store that does not answer for the tenants of a plan, or is damaged there.
type halfAway struct {
	store.Store
	fault error
}

func (d halfAway) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	if id == 1 {
		return nil, d.fault
	}
	return d.Store.Tenants(ctx, id, after, limit)
}

func TestTenantsThatArePartlyFound(t *testing.T) {
	t.Parallel()
	s := newSite(t, halfAway{memstore.New(), &store.CorruptError{Key: "secret", Reason: "secret"}}, ops.Config{})
	s.create(plan.Spec{}, "acme")
	s.create(plan.Spec{}, "acme")
	r := s.send("GET", "tenants?id=acme", "")
	partly, _ := r.body["partly"].(map[string]any)
	if r.status != http.StatusOK || len(r.body["tasks"].([]any)) != 1 || partly["code"] != "CORRUPT" || strings.Contains(r.text, "secret") {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// asksThen is a store that calls a function when tenants have been locked.
type asksThen struct {
	store.Store
	ask func()
}

func (d asksThen) Reserve(ctx context.Context, locks []store.TenantLock) ([]store.TenantLock, error) {
	held, err := d.Store.Reserve(ctx, locks)
	d.ask()
	return held, err
}

// While a tenant is being added to a plan, its lock names a task that is not there yet.
func TestATenantThatIsBeingAdded(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	id := s.create(plan.Spec{}, "a")
	s.start(id)
	var during string
	e, err := cutover.New(asksThen{s.store, func() { during = s.where("acme") }}, cutover.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.AddTenants(t.Context(), id, []task.Tenant{{ID: "acme"}}); err != nil {
		t.Fatal(err)
	}
	if want := "true 1 n RUNNING 1.000002e+06 <nil> <nil> <nil>; 1 <nil>"; during != want {
		t.Errorf("%s, want %s", during, want)
	}
	if got := s.where("acme"); !strings.HasPrefix(got, "true 1 n RUNNING 1.000002e+06 PENDING 0") {
		t.Error(got)
	}
}

// Tasks are found by labels in the plans that the caller may view and that are not over.
func TestTasksAreFoundByLabels(t *testing.T) {
	t.Parallel()
	odd := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p != nil && p.ID != 2 }}
	s := newSite(t, nil, ops.Config{Authenticate: as(odd)})
	labeled := plan.Spec{Name: "n", ExecutorType: "X", Tenants: []task.Tenant{{ID: "acme", Labels: map[string]string{"region": "eu", "a=b": "c"}}, {ID: "other"}}}
	for range 3 {
		if _, err := s.engine.Create(t.Context(), labeled); err != nil {
			t.Fatal(err)
		}
	}
	for query, want := range map[string]string{
		"label=region%3Deu":                 "3 acme 1 acme; 1 <nil>",
		"label=region%3Deu&label=a%3Db%3Dc": "; 1 <nil>", // the name ends at the first =
		"label=region%3Dus":                 "; 1 <nil>",
	} {
		r := s.send("GET", "tasks?"+query, "")
		line := ""
		for _, found := range r.body["tasks"].([]any) {
			f := found.(map[string]any)
			line += fmt.Sprint(" ", f["plan"], " ", f["tenant"])
		}
		line = strings.TrimSpace(line) + fmt.Sprint("; ", r.body["searchedDownTo"], " ", r.body["next"])
		if r.status != http.StatusOK || line != want {
			t.Errorf("%s: %d %s, want %s", query, r.status, line, want)
		}
	}
	for query, want := range map[string]string{
		"":                       "[label is missing]",
		"label=region":           "label is not one label as name=value",
		"label=a%3Db&cursor=x":   "[cursor is not one that a page of this list has named]",
		"label=a%3Db&id=a":       "[id is unknown]",
		"label=a%3Db&label=a%3D": "[label is not one label as name=value]",
	} {
		if r := s.send("GET", "tasks?"+query, ""); r.status != http.StatusBadRequest || !strings.Contains(fmt.Sprint(r.faults()), want) {
			t.Errorf("%s: %d %s", query, r.status, r.text)
		}
	}
}
