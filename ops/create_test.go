package ops_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

const small = `{"name":"n","executorType":"X","tenantIds":["a","b"]}`

// The same request with the same key creates one plan, other content is refused.
func TestCreateTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for i, tt := range []struct {
		body, key string
		status    int
		id        float64
	}{
		{small, "k", http.StatusCreated, 1},
		{small, "k", http.StatusOK, 1},
		{small, "other", http.StatusCreated, 2},
		{small, "", http.StatusCreated, 3},
		{`{"name":"m","executorType":"X","tenantIds":["a","b"]}`, "k", http.StatusUnprocessableEntity, 0},
	} {
		var headers []string
		if tt.key != "" {
			headers = []string{"Idempotency-Key", tt.key}
		}
		r := s.send("POST", "plans", tt.body, headers...)
		id, _ := r.body["planId"].(float64)
		if r.status != tt.status || id != tt.id {
			t.Errorf("%d: %d %s", i, r.status, r.text)
		}
		if repeated := r.body["repeated"] == true; repeated != (tt.status == http.StatusOK) {
			t.Errorf("%d: repeated %t", i, repeated)
		}
		if tt.status == http.StatusUnprocessableEntity && r.code() != "KEY_REUSED" {
			t.Errorf("%d: %s", i, r.text)
		}
	}
}

// The location of a plan is relative, so it is right behind every prefix.
func TestLocation(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	r := s.send("POST", "plans", small)
	base, err := url.Parse("https://example.com/some/prefix/plans")
	if err != nil {
		t.Fatal(err)
	}
	location, err := base.Parse(r.header.Get("Location"))
	if err != nil || location.String() != "https://example.com/some/prefix/plans/1" {
		t.Errorf("%s: %v", location, err)
	}
}

// A spec is refused with all of its faults, named as in the request.
func TestCreateNamesEveryFault(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for body, want := range map[string][]string{
		`{}`: {"name is empty", "executorType is empty", "tenantIds is empty"},
		`{"name":"n","executorType":"Y","tenantIds":["a","","a"],"parameters":{"":"v"},"strategy":{"maxFailures":"10%","retry":{"attempts":-1}}}`: {
			"parameters has an empty key", "strategy.retry.attempts is negative", "tenantIds[1] is empty",
			`tenantIds[2] tenant "a" is already Tenants[0]`, "executorType is none that this process has",
		},
		`{"name":"n","executorType":"X","tenants":[{"id":"a","labels":{"":""}},{"id":""}]}`: {"tenants[0].labels has an empty key", "tenants[1].id is empty"},
		`{"name":"n","executorType":"X","tenantIds":["a"],"tenants":[{"id":"a"}]}`:          {"tenants is given together with tenantIds"},
		`{"name":"n","executorType":"X","tenantIds":["a"],"strategy":{"maxConcurrency":1.5,"maxFailures":"x","failureAction":"Explode","bakeTime":90,"taskTimeout":"soon","waves":[{"size":-1}],"windows":[{"kind":"allow","zone":"UTC","from":"25:00"}]}}`: {
			`strategy.maxConcurrency is no amount, such as 3 or "10%"`, `strategy.maxFailures is no amount, such as 3 or "10%"`,
			`strategy.failureAction "Explode" is no failure action (Stop, Pause, RollbackPlan, RollbackWave)`,
			`strategy.bakeTime is no duration, such as "90s" or "1h30m"`, `strategy.taskTimeout is no duration, such as "90s" or "1h30m"`,
			`strategy.waves[0].size is no amount, such as 3 or "10%"`,
			`strategy.windows[0] window: invalid: "25:00" is not a time of day from 00:00 to 24:00`,
		},
	} {
		for _, path := range []string{"plans", "preview"} {
			r := s.send("POST", path, body)
			found := r.faults()
			slices.Sort(found)
			expected := slices.Clone(want)
			if path == "preview" { // it does not matter here which executors this process has
				expected = slices.DeleteFunc(expected, func(f string) bool { return f == "executorType is none that this process has" })
			}
			slices.Sort(expected)
			if r.status != http.StatusBadRequest || r.code() != "INVALID_REQUEST" || !slices.Equal(found, expected) || r.body["faultCount"] != float64(len(expected)) {
				t.Errorf("%s of %s: %d %s %q\nwant %q", path, body, r.status, r.code(), found, expected)
			}
		}
	}
	if plans := s.send("GET", "plans", "").body["plans"].([]any); len(plans) != 0 {
		t.Errorf("%d plans were created", len(plans))
	}
}

func TestUnknownExecutor(t *testing.T) {
	t.Parallel()
	const body = `{"name":"n","executorType":"Y","tenantIds":["a"]}`
	r := newSite(t, nil, ops.Config{}).send("POST", "plans", body)
	if r.code() != "UNKNOWN_EXECUTOR" || !slices.Equal(r.faults(), []string{"executorType is none that this process has"}) {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := newSite(t, nil, ops.Config{ExecutorElsewhere: true}).send("POST", "plans", body); r.status != http.StatusCreated {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// rich is a spec with everything that a request can have.
const rich = `{
	"name": "n", "executorType": "X", "parameters": {"k": "v"},
	"tenants": [{"id": "a", "labels": {"region": "eu"}, "parameters": {"k": "w"}}, {"id": "b"}, {"id": "c"}, {"id": "d"}],
	"strategy": {
		"maxConcurrency": 3, "maxFailures": "25%", "maxSameFailures": 2, "failureAction": "Pause", "concurrencyMode": "Strict",
		"retry": {"attempts": 3, "first": "1s", "max": "1m"}, "minSuccessTime": "10s", "taskTimeout": "1h", "progressDeadline": "90s",
		"waves": [{"name": "canary", "labels": {"region": "eu"}, "canary": true, "bakeTime": "30s"}, {"size": 1, "approval": true}, {"maxFailures": 0}],
		"bakeTime": "1m", "finalBakeTime": "2m",
		"windows": [{"kind": "deny", "zone": "UTC", "days": ["mon"], "from": "08:00", "to": "18:00"}]
	}
}`

// All that a request says of a plan comes back.
func TestCreateKeepsEverything(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	r := s.send("POST", "plans", rich, "Idempotency-Key", "k")
	if r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	got := s.send("GET", "plans/1", "").body
	for name, want := range map[string]any{
		"planId": 1.0, "name": "n", "executorType": "X", "state": "CREATED", "taskCount": 4.0, "counters": map[string]any{"PENDING": 4.0},
		"version": 1.0, "atRest": true, "waveCount": 3.0, "idempotencyKey": "k", "parameters": map[string]any{"k": "v"},
		"strategy": map[string]any{
			"maxConcurrency": 3.0, "maxFailures": "25%", "maxSameFailures": 2.0, "failureAction": "Pause", "concurrencyMode": "Strict",
			"retry": map[string]any{"attempts": 3.0, "first": "1s", "max": "60s"}, "minSuccessTime": "10s", "taskTimeout": "3600s", "progressDeadline": "90s",
			"bakeTime": "60s", "finalBakeTime": "120s",
			"windows": []any{map[string]any{"kind": "deny", "zone": "UTC", "days": []any{"mon"}, "from": "08:00", "to": "18:00"}},
		},
		"waves": []any{
			map[string]any{"wave": 1.0, "name": "canary", "first": 1.0, "last": 1.0, "taskCount": 1.0, "ended": 0.0, "failed": 0.0, "maxFailed": 0.0, "canary": true, "bakeTime": "30s"},
			map[string]any{"wave": 2.0, "first": 2.0, "last": 2.0, "taskCount": 1.0, "ended": 0.0, "failed": 0.0, "maxFailed": 0.0, "bakeTime": "60s", "approval": true},
			map[string]any{"wave": 3.0, "first": 3.0, "last": 4.0, "taskCount": 2.0, "ended": 0.0, "failed": 0.0, "maxFailed": 0.0, "bakeTime": "120s"},
		},
	} {
		for _, d := range differences(name, want, got[name]) {
			t.Error(d)
		}
	}
	first := s.send("GET", "tasks/1000001", "").body
	for _, d := range differences("task", map[string]any{
		"taskId": 1000001.0, "planId": 1.0, "ordinal": 1.0, "wave": 1.0, "tenantId": "a", "state": "PENDING", "attempt": 0.0,
		"labels": map[string]any{"region": "eu"}, "parameters": map[string]any{"k": "w"},
	}, first) {
		t.Error(d)
	}
}

// A preview says what the plan would do, wave by wave, and creates nothing.
func TestPreview(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	r := s.send("POST", "preview", rich)
	waves, _ := r.body["waves"].([]any)
	if r.status != http.StatusOK || len(waves) != 3 || r.body["taskCount"] != 4.0 || r.body["warnings"] == nil {
		t.Fatalf("%d %s", r.status, r.text)
	}
	for _, d := range differences("wave", map[string]any{
		"wave": 1.0, "name": "canary", "first": 1.0, "last": 1.0, "taskCount": 1.0, "maxSlots": 1.0, "strict": true, "worstCase": 1.0, "bakeTime": "30s",
	}, waves[0]) {
		t.Error(d)
	}
	spec := plan.Spec{}
	if s.create(spec, "a") != 1 {
		t.Error("a preview has created a plan")
	}
}
