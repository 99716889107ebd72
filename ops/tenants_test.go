package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Tenants are added in either form, once, and the plan says who may do so and when.
func TestAddTenants(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	if p := s.send("GET", "plans/1", ""); !slices.Contains(p.body["actions"].([]any), any("add")) {
		t.Errorf("actions %v", p.body["actions"])
	}
	for _, tt := range []struct {
		body  string
		count float64
		same  bool
	}{
		{`{"tenantIds":["b","c"]}`, 3, false},
		{`{"tenantIds":["b","c"],"reason":"again"}`, 3, true},
		{`{"tenants":[{"id":"d","labels":{"region":"eu"}}],"reason":"late"}`, 4, false},
	} {
		r := s.send("POST", "plans/1/tenants/add", tt.body)
		if r.status != http.StatusOK || r.body["taskCount"] != tt.count || (r.body["unchanged"] == true) != tt.same {
			t.Errorf("%s: %d %s", tt.body, r.status, r.text)
		}
	}
	if r := s.send("GET", "tasks/1000004", ""); r.body["tenantId"] != "d" || fmt.Sprint(r.body["labels"]) != "map[region:eu]" {
		t.Error(r.text)
	}
	for body, want := range map[string][]string{
		``:                        {"tenantIds is empty"},
		`{"tenantIds":["x",""]}`:  {"tenantIds[1] is empty"},
		`{"tenants":[{"id":""}]}`: {"tenants[0].id is empty"},
		`{"tenantIds":["x"],"tenants":[{"id":"y"}]}`: {"tenants is given together with tenantIds"},
		`{"tenantIds":["x","d"]}`:                    {`tenantIds[1] tenant "d" is in the plan already`},
	} {
		if r := s.send("POST", "plans/1/tenants/add", body); r.code() != "INVALID_REQUEST" || !slices.Equal(r.faults(), want) {
			t.Errorf("%s: %d %q", body, r.status, r.faults())
		}
	}
	s.send("POST", "plans/1/cancel", `{"reason":"r"}`)
	if r := s.send("POST", "plans/1/tenants/add", `{"tenantIds":["x"]}`); r.code() != "NOT_APPLICABLE" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if p := s.send("GET", "plans/1", ""); slices.Contains(p.body["actions"].([]any), any("add")) {
		t.Errorf("actions of a canceled plan %v", p.body["actions"])
	}
}

// Tenants that another plan works on are named, and nothing is added.
func TestAddTenantsThatAreHeld(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	s.start(s.create(plan.Spec{}, "b"))
	r := s.send("POST", "plans/2/tenants/add", `{"tenantIds":["a"]}`)
	if r.status != http.StatusConflict || r.code() != "TENANT_HELD" || !strings.Contains(r.text, `{"tenantId":"a","planId":1}`) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if p := s.send("GET", "plans/2", ""); p.body["taskCount"] != 1.0 {
		t.Error(p.text)
	}
}

// An addition that meets another one is told to come again.
func TestAddTenantsAtTheSameTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	h := mount(t, adding{s.engine}, ops.Config{})
	if r := send(t, h, "POST", "plans/1/tenants/add", `{"tenantIds":["b"]}`); r.status != http.StatusConflict || r.code() != "BEING_EXTENDED" || r.header.Get("Retry-After") != "1" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// adding is an engine that meets another addition.
type adding struct{ ops.Engine }

func (adding) AddTenants(context.Context, plan.ID, []task.Tenant, ...cutover.CommandOption) (cutover.PlanResult, error) {
	return cutover.PlanResult{}, fmt.Errorf("plan 1: %w", cutover.ErrAdding)
}

// An exclusion skips the tasks of tenants, says of each what became of it, and can be sent again. A
// dry run says the same and changes nothing.
func TestExcludeTenants(t *testing.T) {
	t.Parallel()
	var heard []ops.Command
	s := newSite(t, nil, ops.Config{Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }})
	s.create(plan.Spec{}, "a", "b", "c", "d")
	s.start(1)
	for _, command := range []string{"tasks/1000003/skip", "tasks/1000004/cancel"} {
		if r := s.send("POST", command, `{"reason":"r"}`); r.status != http.StatusOK {
			t.Fatal(r.text)
		}
	}
	const tenants = `"tenantIds":["d","c","b","b"]`
	const reach = "map[ahead:0 changing:1 matched:3 notApplicable:map[CANCELLED:1] unchanged:1]"
	before := s.send("GET", "plans/1", "").body["version"]
	dry := s.send("POST", "plans/1/tenants/exclude", `{`+tenants+`,"dryRun":true}`)
	if dry.status != http.StatusOK || dry.reach() != reach || dry.body["dryRun"] != true || dry.body["version"] != before {
		t.Errorf("%d %s", dry.status, dry.text)
	}
	r := s.send("POST", "plans/1/tenants/exclude", `{`+tenants+`,"reason":"not ready"}`, "If-Match", fmt.Sprintf(`"%v"`, before))
	if r.status != http.StatusOK || r.reach() != reach || fmt.Sprint(r.body["counters"]) != "map[CANCELLED:1 PENDING:1 SKIPPED:2]" {
		t.Errorf("%d %s", r.status, r.text)
	}
	again := s.send("POST", "plans/1/tenants/exclude", `{`+tenants+`,"reason":"not ready"}`)
	if again.body["unchanged"] != true || again.reach() != "map[ahead:0 changing:0 matched:3 notApplicable:map[CANCELLED:1] unchanged:2]" {
		t.Errorf("%d %s", again.status, again.text)
	}
	if last := heard[len(heard)-1]; last.Action != ops.Skip || last.Plan != 1 || last.Reason != "not ready" || !last.Unchanged || !heard[len(heard)-3].DryRun {
		t.Errorf("heard %+v", heard)
	}
	for body, want := range map[string][]string{
		`{"tenantIds":["a"]}`:                        {"reason is required"},
		`{"reason":"r"}`:                             {"tenantIds has 0 tenants, it must be from 1 to 1000"},
		`{"tenantIds":["x","a","y"],"reason":"r"}`:   {`tenantIds[0] tenant "x" is not in the plan`, `tenantIds[2] tenant "y" is not in the plan`},
		`{"tenantIds":["a"],"filter":{},"reason":1}`: {"filter is unknown", "reason is not a text", "reason is required"},
	} {
		if r := s.send("POST", "plans/1/tenants/exclude", body); r.status != http.StatusBadRequest || !slices.Equal(r.faults(), want) {
			t.Errorf("%s: %d %q", body, r.status, r.faults())
		}
	}
	if r := s.send("POST", "plans/1/tenants/exclude", `{"tenantIds":["a"],"reason":"r"}`, "If-Match", `"1"`); r.code() != "VERSION_MISMATCH" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if task := s.send("GET", "tasks/1000001", ""); task.body["state"] != "PENDING" {
		t.Errorf("a refused exclusion has changed %s", task.text)
	}
}
