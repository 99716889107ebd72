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
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Every command is carried out, answers with the plan or task, and is recorded with who gave it and
// why.
func TestCommands(t *testing.T) {
	t.Parallel()
	because := `{"reason":"because"}`
	for _, tt := range []struct {
		before []string // commands that lead to it
		path   string
		body   string
		state  string
		cause  string
	}{
		{nil, "plans/1/start", because, "RUNNING", "start"},
		{[]string{"plans/1/start"}, "plans/1/pause", because, "PAUSED", "pause"},
		{[]string{"plans/1/start", "plans/1/pause"}, "plans/1/resume", because, "RUNNING", "resume"},
		{[]string{"plans/1/start"}, "plans/1/cancel", because, "CANCELLED", "cancel"},
		{[]string{"plans/1/start"}, "plans/1/rollback", because, "ROLLING_BACK", "rollback"},
		{[]string{"plans/1/start"}, "plans/1/tune", `{"reason":"because","maxConcurrency":"50%","bakeTime":"90s"}`, "RUNNING", "tune"},
		{nil, "tasks/1000001/skip", because, "SKIPPED", "skip"},
	} {
		s := newSite(t, nil, ops.Config{})
		s.create(plan.Spec{}, "a", "b")
		for _, path := range tt.before {
			if r := s.send("POST", path, ""); r.status != http.StatusOK {
				t.Fatalf("%s: %d %s", path, r.status, r.text)
			}
		}
		r := s.send("POST", tt.path, tt.body)
		if r.status != http.StatusOK || r.body["state"] != tt.state || r.body["unchanged"] != nil {
			t.Errorf("%s: %d %s", tt.path, r.status, r.text)
		}
		events := s.send("GET", "plans/1/events?limit=1000", "").body["events"].([]any)
		recorded := slices.ContainsFunc(events, func(e any) bool {
			got := e.(map[string]any)
			return got["cause"] == tt.cause && got["actor"] == "ada" && got["reason"] == "because" && got["to"] == tt.state
		})
		if !recorded {
			t.Errorf("%s is not recorded: %v", tt.path, events)
		}
	}
}

// What the plan or task is already is answered as unchanged, what does not apply as a conflict.
func TestCommandsThatDoNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	if r := s.send("POST", "plans/1/start", ""); r.status != http.StatusOK || r.body["unchanged"] != true {
		t.Errorf("%d %s", r.status, r.text)
	}
	r := s.send("POST", "plans/1/waves/1/reject", `{"reason":"r"}`)
	if r.status != http.StatusConflict || r.code() != "NOT_APPLICABLE" || r.body["params"].(map[string]any)["planState"] != "RUNNING" {
		t.Errorf("%d %s", r.status, r.text)
	}
	r = s.send("POST", "tasks/1000001/retry", "")
	params, _ := r.body["params"].(map[string]any)
	if r.status != http.StatusConflict || params["taskState"] != "PENDING" || params["command"] != "retry" {
		t.Errorf("%d %s", r.status, r.text)
	}
	s.create(plan.Spec{}, "a")
	r = s.send("POST", "plans/2/start", "")
	if r.status != http.StatusConflict || r.code() != "TENANT_HELD" || !strings.Contains(r.text, `"held":[{"tenantId":"a","planId":1}]`) {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// Commands that destroy need a reason; the host may change which.
func TestReasons(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	for _, path := range []string{"plans/1/cancel", "plans/1/rollback", "plans/1/tune", "plans/1/waves/1/reject", "plans/1/waves/1/rollback", "tasks/1000001/skip", "tasks/1000001/cancel", "tasks/1000001/rollback"} {
		for _, body := range []string{"", `{}`, `{"reason":""}`} {
			if r := s.send("POST", path, body); r.code() != "REASON_REQUIRED" || !slices.Equal(r.faults(), []string{"reason is required"}) {
				t.Errorf("%s with %s: %d %s", path, body, r.status, r.text)
			}
		}
	}
	for _, path := range []string{"plans/1/pause", "plans/1/resume", "plans/1/retry"} {
		if r := s.send("POST", path, ""); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if r := s.send("POST", "plans/1/pause", `{"reason":"`+strings.Repeat("x", task.MaxReason+1)+`"}`); !slices.Equal(r.faults(), []string{"reason is 2049 bytes, the limit is 2048"}) {
		t.Errorf("%d %s", r.status, r.text)
	}
	s.handler = mount(t, s.engine, ops.Config{ReasonFor: func(a ops.Action) bool { return a == ops.Pause }})
	if r := s.send("POST", "plans/1/pause", ""); r.code() != "REASON_REQUIRED" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans/1/cancel", ""); r.status != http.StatusOK {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// If-Match carries a command out only for the version that the caller has seen.
func TestIfMatch(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	version := s.send("GET", "plans/1", "").body["version"].(float64)
	r := s.send("POST", "plans/1/pause", "", "If-Match", `"1"`)
	if r.status != http.StatusPreconditionFailed || r.code() != "VERSION_MISMATCH" || r.body["params"].(map[string]any)["version"] != version {
		t.Errorf("%d %s", r.status, r.text)
	}
	for _, match := range []string{fmt.Sprintf(`"%.0f"`, version), "*"} {
		if r := s.send("POST", "plans/1/pause", "", "If-Match", match); r.status != http.StatusOK {
			t.Errorf("%s: %d %s", match, r.status, r.text)
		}
	}
	if r := s.send("POST", "tasks/1000001/skip", `{"reason":"r"}`, "If-Match", `"1"`); r.code() != "VERSION_MISMATCH" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// A command that is sent again with its key is answered, and not carried out again; another command
// with the same key is another command.
func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a", "b"))
	send := func(path, body string) reply { return s.send("POST", path, body, "Idempotency-Key", "k") }
	if r := send("plans/1/pause", ""); r.status != http.StatusOK || r.body["repeated"] != nil || r.body["state"] != "PAUSED" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := send("plans/1/resume", ""); r.status != http.StatusOK || r.body["repeated"] != nil || r.body["state"] != "RUNNING" {
		t.Errorf("another command: %d %s", r.status, r.text)
	}
	if r := send("plans/1/pause", ""); r.status != http.StatusOK || r.body["repeated"] != true || r.body["state"] != "RUNNING" {
		t.Errorf("sent again: %d %s", r.status, r.text)
	}
	if r := send("plans/1/pause", `{"reason":"r"}`); r.status != http.StatusOK || r.body["repeated"] != nil || r.body["state"] != "PAUSED" {
		t.Errorf("with another body: %d %s", r.status, r.text)
	}
	for _, repeated := range []any{nil, true} {
		if r := send("tasks/1000001/skip", `{"reason":"r"}`); r.status != http.StatusOK || r.body["repeated"] != repeated || r.body["state"] != "SKIPPED" {
			t.Errorf("a task: %d %s", r.status, r.text)
		}
	}
	s.handler = mount(t, s.engine, ops.Config{Authenticate: ops.AllowAll("bob")})
	if r := send("plans/1/resume", ""); r.body["repeated"] != nil {
		t.Errorf("the key of somebody else: %d %s", r.status, r.text)
	}
}

// Waves are approved of and rejected by their numbers, for the version that was seen.
func TestWaves(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{SelfApproval: true})
	spec := plan.Spec{Strategy: strategy.Strategy{Waves: []strategy.Wave{{Size: strategy.Count(1), Approval: true}, {Approval: true}}}}
	s.start(s.create(spec, "a", "b"))
	current := func() string { return fmt.Sprintf(`"%.0f"`, s.send("GET", "plans/1", "").body["version"]) }
	if r := s.send("GET", "plans/1", ""); r.body["gate"] != "approval" || !strings.Contains(fmt.Sprint(r.body["actions"]), "approve") {
		t.Errorf("%s", r.text)
	}
	if r := s.send("POST", "plans/1/waves/2/approve", "", "If-Match", current()); r.status != http.StatusOK || !strings.Contains(r.text, `"wave":2,"first":2,"last":2,"taskCount":1,"ended":0,"failed":0,"maxFailed":0,"approval":true,"approved":true`) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans/1/waves/1/reject", `{"reason":"r"}`); r.status != http.StatusOK || r.body["state"] != "PAUSED" || fmt.Sprint(r.body["pauseReasons"]) != "[rejected]" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans/1/waves/3/approve", "", "If-Match", current()); r.code() != "NOT_APPLICABLE" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans/1/waves/1/approve", "", "If-Match", `"1"`); r.code() != "VERSION_MISMATCH" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := s.send("POST", "plans/1/waves/1/approve", "", "If-Match", "*"); r.code() != "VERSION_REQUIRED" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// The open wave is undone only while the plan does not run, and no wave before it has opened.
func TestRollbackOfAWave(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{Strategy: strategy.Strategy{WaveSizes: []strategy.Amount{strategy.Count(1)}}}, "a", "b"))
	rollback := func(wave int) reply {
		return s.send("POST", fmt.Sprintf("plans/1/waves/%d/rollback", wave), `{"reason":"r"}`)
	}
	for wave, why := range map[int]string{1: "pause the plan first", 2: "has not opened", 3: "no wave 3"} {
		if r := rollback(wave); r.status != http.StatusConflict || r.code() != "NOT_APPLICABLE" || !strings.Contains(r.text, why) {
			t.Errorf("wave %d: %d %s", wave, r.status, r.text)
		}
	}
	s.send("POST", "plans/1/pause", "")
	if r := rollback(1); r.status != http.StatusOK || r.body["state"] != "PAUSED" || !strings.Contains(r.text, `"undo":{"round":1,"first":1,"last":1,`) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := rollback(1); r.status != http.StatusOK || r.body["unchanged"] != true {
		t.Errorf("again: %d %s", r.status, r.text)
	}
}

// Who created or started a plan is not the one to approve of its waves, unless the host allows it.
func TestSelfApproval(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	spec := plan.Spec{Strategy: strategy.Strategy{Waves: []strategy.Wave{{Approval: true}}}}
	s.create(spec, "a") // by ada
	for actor, command := range map[string][2]string{"bob": {"start", ""}, "dan": {"tune", `{"reason":"r","maxFailures":1}`}} {
		s.handler = mount(t, s.engine, ops.Config{Authenticate: ops.AllowAll(actor)})
		if r := s.send("POST", "plans/1/"+command[0], command[1]); r.status != http.StatusOK {
			t.Fatal(r.text)
		}
	}
	for _, tt := range []struct {
		actor string
		self  bool
		code  string
	}{{"ada", false, "SELF_APPROVAL"}, {"bob", false, "SELF_APPROVAL"}, {"dan", false, ""}, {"ada", true, ""}, {"", false, ""}} {
		s.handler = mount(t, s.engine, ops.Config{Authenticate: ops.AllowAll(tt.actor), SelfApproval: tt.self})
		p := s.send("GET", "plans/1", "")
		listed := slices.Contains(p.body["actions"].([]any), any("approve"))
		r := s.send("POST", "plans/1/waves/1/approve", "", "If-Match", fmt.Sprintf(`"%.0f"`, p.body["version"]))
		if r.code() != tt.code {
			t.Errorf("%+v: %d %s", tt, r.status, r.text)
		}
		if possible := p.body["gate"] == "approval"; listed != (tt.code == "" && possible) {
			t.Errorf("%+v: listed %t among %v", tt, listed, p.body["actions"])
		}
	}
}

// The faults of a tuning are named as the request has them.
func TestTuneNamesItsFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{Strategy: strategy.Strategy{WaveSizes: []strategy.Amount{strategy.Count(1)}}}, "a", "b")
	for body, want := range map[string][]string{
		`{"reason":"r"}`: {" changes nothing"},
		`{"reason":"r","bakeTime":"-1s","waves":[{"wave":2,"maxFailures":1},{"wave":7,"bakeTime":"-1s"}]}`: {
			"bakeTime -1s is negative", "waves[1] the plan has the waves 1 to 2", "waves[1].bakeTime -1s is negative",
		},
		`{"reason":"r","waves":[{"wave":2,"approval":true},{"wave":2}]}`:             {"waves[1].wave is that of another entry"},
		`{"reason":"r","windows":[{"kind":"allow","zone":"Nowhere/Land"}]}`:          {`windows[0].zone "Nowhere/Land" is unknown in the time zone database of this host (unknown time zone Nowhere/Land)`},
		`{"reason":"r","waves":[{"number":2,"maxConcurrency":"0.5"}],"strategy":{}}`: {"waves[0].number is unknown", `waves[0].maxConcurrency is no amount, such as 3 or "10%"`, "strategy is unknown"},
	} {
		if r := s.send("POST", "plans/1/tune", body); r.code() != "INVALID_REQUEST" || !slices.Equal(r.faults(), want) {
			t.Errorf("%s: %d %q\nwant %q", body, r.status, r.faults(), want)
		}
	}
	r := s.send("POST", "plans/1/tune", `{"reason":"r","windows":[],"waves":[{"wave":2,"approval":true}],"failureAction":"Pause","firstBakeTime":"1s"}`)
	if r.status != http.StatusOK || r.body["tuned"] != true || r.body["strategy"].(map[string]any)["failureAction"] != "Pause" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// recorder is an engine that records from where retries are to begin.
type recorder struct {
	*cutover.Engine
	from []cutover.RetryFrom
}

func (r *recorder) RetryFailed(ctx context.Context, id plan.ID, from cutover.RetryFrom, opts ...cutover.CommandOption) (cutover.PlanResult, error) {
	r.from = append(r.from, from)
	return r.Engine.RetryFailed(ctx, id, from, opts...)
}

func (r *recorder) RetryTask(_ context.Context, _ task.ID, from cutover.RetryFrom, _ ...cutover.RetryOption) (cutover.TaskResult, error) {
	r.from = append(r.from, from)
	return cutover.TaskResult{}, store.ErrConflict
}

// A retry begins at the checkpoint unless the request says something else.
func TestRetryFrom(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a"))
	e := &recorder{Engine: s.engine}
	s.handler = mount(t, e, ops.Config{})
	for _, path := range []string{"plans/1/retry", "tasks/1000001/retry"} {
		e.from = nil
		for _, body := range []string{"", `{"fromCheckpoint":true}`, `{"fromCheckpoint":null}`, `{"fromCheckpoint":false}`} {
			s.send("POST", path, body)
		}
		if want := []cutover.RetryFrom{cutover.FromCheckpoint, cutover.FromCheckpoint, cutover.FromCheckpoint, cutover.FromScratch}; !slices.Equal(e.from, want) {
			t.Errorf("%s: %v", path, e.from)
		}
	}
}
