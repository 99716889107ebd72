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
	"github.com/cutover-go/cutover/plan/strategy"
)

// reach returns what an answer says about tasks.
func (r reply) reach() string { return fmt.Sprint(r.body["tasks"]) }

// labelled creates a plan of two waves over the tenants eu-1, us-1, eu-2 and us-2.
func (s *site) labelled() plan.ID {
	s.t.Helper()
	spec := plan.Spec{Name: "n", ExecutorType: "X", Tenants: plan.Tenants("eu-1", "us-1", "eu-2", "us-2")}
	spec.Strategy.WaveSizes = []strategy.Amount{strategy.Count(2)}
	for i := range spec.Tenants {
		spec.Tenants[i].Labels = map[string]string{"region": spec.Tenants[i].ID[:2]}
	}
	p, err := s.engine.Create(s.t.Context(), spec, cutover.By("ada"))
	if err != nil {
		s.t.Fatal(err)
	}
	return p.ID
}

// A dry run says what a command would do and changes nothing; the command says the same and is
// queued, with who gave it, why and for which tasks.
func TestCommandOnManyTasks(t *testing.T) {
	t.Parallel()
	var heard []ops.Command
	s := newSite(t, nil, ops.Config{Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }})
	s.labelled()
	before := s.send("GET", "plans/1", "").body["version"]
	dry := s.send("POST", "plans/1/tasks/skip", `{"filter":{"labels":{"region":"eu"},"waves":[1]},"dryRun":true}`)
	if dry.status != http.StatusOK || dry.body["dryRun"] != true || dry.body["version"] != before || dry.body["sweeps"] != nil {
		t.Errorf("%d %s", dry.status, dry.text)
	}
	if got := dry.reach(); got != "map[ahead:0 changing:1 matched:1 unchanged:0]" {
		t.Errorf("the dry run reaches %s", got)
	}
	r := s.send("POST", "plans/1/tasks/skip", `{"filter":{"states":["PENDING"],"labels":{"region":"eu"}},"reason":"not ready"}`, "If-Match", fmt.Sprintf(`"%v"`, before))
	if r.status != http.StatusOK || r.body["dryRun"] != nil || r.reach() != "map[ahead:0 changing:2 matched:2 unchanged:0]" {
		t.Errorf("%d %s", r.status, r.text)
	}
	const sweeps = `"sweeps":[{"kind":"skip tasks","filter":{"states":["PENDING"],"labels":{"region":"eu"}},"after":0,"last":4,"changed":0,"actor":"ada","reason":"not ready"}]`
	if !strings.Contains(r.text, sweeps) {
		t.Errorf("the sweeps are missing: %s", r.text)
	}
	events := s.send("GET", "plans/1/commands?after=1", "")
	if !strings.Contains(events.text, `"cause":"skip tasks"`) || !strings.Contains(events.text, `"filter":"state PENDING, label region=eu"`) {
		t.Errorf("events %s", events.text)
	}
	again := s.send("POST", "plans/1/tasks/skip", `{"filter":{"tenant":"us-"},"reason":"r"}`)
	if again.reach() != "map[ahead:1 changing:2 matched:2 unchanged:0 waitsFor:[earlierCommands]]" {
		t.Errorf("the next reaches %s", again.reach())
	}
	if nobody := s.send("POST", "plans/1/tasks/skip", `{"filter":{"tenant":"asia-"},"reason":"r"}`); nobody.body["unchanged"] != true || nobody.reach() != "map[ahead:2 changing:0 matched:0 unchanged:0]" {
		t.Errorf("%d %s", nobody.status, nobody.text)
	}
	if len(heard) != 4 || !heard[0].DryRun || heard[1].DryRun || heard[1].Action != ops.Skip || !heard[3].Unchanged {
		t.Errorf("the audit heard %+v", heard)
	}
}

// Every command on many tasks reaches the tasks that the one on a single task does.
func TestCommandsOnManyTasks(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.labelled())
	for command, want := range map[string]string{
		"retry":    "map[ahead:0 changing:0 matched:4 notApplicable:map[PENDING:4] unchanged:0]",
		"pause":    "map[ahead:0 changing:0 matched:4 notApplicable:map[PENDING:4] unchanged:0]",
		"resume":   "map[ahead:0 changing:0 matched:4 notApplicable:map[PENDING:4] unchanged:0]",
		"cancel":   "map[ahead:0 changing:4 matched:4 unchanged:0]",
		"skip":     "map[ahead:0 changing:4 matched:4 unchanged:0]",
		"rollback": "map[ahead:0 changing:0 matched:4 notApplicable:map[PENDING:4] unchanged:0]",
	} {
		if r := s.send("POST", "plans/1/tasks/"+command, `{"filter":{},"dryRun":true}`); r.status != http.StatusOK || r.reach() != want {
			t.Errorf("%s: %d %s", command, r.status, r.text)
		}
	}
}

// A request that makes no sense is refused with every fault, and nothing is queued.
func TestCommandsOnManyTasksNameTheirFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.labelled()
	for _, tt := range []struct {
		path, body string
		code       string
		faults     []string
	}{
		{"skip", `{"reason":"r"}`, "INVALID_REQUEST", []string{"filter is required; {} selects all tasks"}},
		{"skip", `{"filter":{}}`, "REASON_REQUIRED", []string{"reason is required"}},
		{"skip", "", "INVALID_REQUEST", []string{"filter is required; {} selects all tasks", "reason is required"}},
		{"skip", `{"filter":{},"fromCheckpoint":true,"reason":"r"}`, "INVALID_REQUEST", []string{"fromCheckpoint is for retries only"}},
		{"skip", `{"filter":{"waves":[3,1,1],"codes":[""]},"reason":"r"}`, "INVALID_REQUEST", []string{
			"filter.codes[0] is empty", "filter.waves[0] is 3, the plan has the waves 1 to 2", "filter.waves[2] is Waves[1] again",
		}},
		{"skip", `{"filter":{"states":["DONE"],"wave":1},"reason":"r"}`, "INVALID_REQUEST", nil},
		{"retry", `{"filter":{}}`, "NOT_APPLICABLE", nil},
	} {
		r := s.send("POST", "plans/1/tasks/"+tt.path, tt.body)
		if r.code() != tt.code || tt.faults != nil && !slices.Equal(r.faults(), tt.faults) {
			t.Errorf("%s with %s: %d %s", tt.path, tt.body, r.status, r.text)
		}
	}
	if r := s.send("POST", "plans/1/tasks/skip", `{"filter":{},"reason":"r"}`, "If-Match", `"99"`); r.code() != "VERSION_MISMATCH" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("GET", "plans/1", ""); r.body["sweeps"] != nil {
		t.Errorf("queued: %s", r.text)
	}
}

// A full queue is a conflict that says what is under way.
func TestFullQueue(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.labelled()
	var r reply
	for range plan.MaxSweeps {
		r = s.send("POST", "plans/1/tasks/skip", `{"filter":{"tenant":"eu-"},"reason":"r"}`)
	}
	params, _ := r.body["params"].(map[string]any)
	if r.status != http.StatusConflict || r.code() != "QUEUE_FULL" || fmt.Sprint(params) != "map[actor:ada after:0 kind:skip tasks taskCount:4 underWay:15]" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// Lists of tasks take the same filter as commands.
func TestTasksByFilter(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.labelled()
	for path, want := range map[string][]float64{
		"plans/1/tasks?label=region%3Deu":                     {1000001, 1000003},
		"plans/1/tasks?wave=2&limit=1":                        {1000003, 1000004},
		"plans/1/tasks?wave=1&wave=2&tenant=us-":              {1000002, 1000004},
		"plans/1/tasks?state=PENDING&label=region=us&wave=1":  {1000002},
		"plans/1/tasks?code=GATEWAY_TIMEOUT&step=SWITCH":      nil,
		"plans/1/tasks?state=FAILED&state=PENDING&tenant=eu-": {1000001, 1000003},
	} {
		if ids, _ := s.walk(path, "tasks", "taskId"); !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", path, ids, want)
		}
	}
	for path, want := range map[string][]string{
		"plans/1/tasks?wave=9":              {"wave is 9, the plan has the waves 1 to 2"},
		"plans/1/tasks?wave=x":              {"wave is not the number of a wave"},
		"plans/1/tasks?label=eu":            {"label is not one label as name=value"},
		"plans/1/tasks?code=":               {"code is empty"},
		"plans/1/tasks?tenant=a&tenant=b":   {"tenant is given twice"},
		"plans/1/tasks?state=DONE&wave=one": nil,
	} {
		if r := s.send("GET", path, ""); r.code() != "INVALID_REQUEST" || want != nil && !slices.Equal(r.faults(), want) {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
}
