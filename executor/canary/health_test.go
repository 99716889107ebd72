package canary_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
)

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// strict tolerates nothing that does not pass.
func strict() canary.Limits { return canary.Limits{Failed: -1, Inconclusive: -1, Missing: -1} }

// TestEveryAnswerOfTheHealthService lets a check get every answer, with no tolerance. What does not
// pass puts the weight back.
func TestEveryAnswerOfTheHealthService(t *testing.T) {
	t.Parallel()
	const passed, missing = "", canary.CodeHealthMissing
	for body, c := range map[string]struct {
		status int
		kind   string
		code   string
	}{
		`{"verdict":"passed"}`: {200, "application/json", passed},
		`{"verdict":"passed","figures":{"errorRate":0},"x":[1]}`: {200, "", passed},
		`{"id":"tenant1","verdict":"passed"}`:                    {200, "application/json", passed},
		`{"verdict":"failed","figures":{"errorRate":0.5}}`:       {200, "application/json", canary.CodeHealthFailed},
		`{"verdict":"failed"}`:                                   {200, "application/json", canary.CodeHealthFailed},
		`{"verdict":"inconclusive"}`:                             {200, "application/json", canary.CodeHealthInconclusive},
		`{"verdict":"passed "}`:                                  {200, "application/json", missing},
		`{"verdict":"PASSED"}`:                                   {200, "application/json", missing},
		`{"verdict":""}`:                                         {200, "application/json", missing},
		`{"verdict":true}`:                                       {200, "application/json", missing},
		`{"verdict":"passed","figures":{"errorRate":"high"}}`:    {200, "application/json", missing},
		`{"id":"other","verdict":"passed"}`:                      {200, "application/json", missing},
		`{}`:                                                     {200, "application/json", missing},
		`[]`:                                                     {200, "application/json", missing},
		`null`:                                                   {200, "application/json", missing},
		``:                                                       {200, "application/json", missing},
		`{"verdict":"passed"`:                                    {200, "application/json", missing},
		`<html><body>all is well</body></html>`:                  {200, "", missing},
		`{"verdict":"passed"} `:                                  {200, "text/html; charset=utf-8", missing},
		`{"verdict":"failed"} `:                                  {201, "application/json", missing},
		` {"verdict":"failed"}`:                                  {500, "application/json", missing},
		`  {"verdict":"failed"}`:                                 {404, "application/json", missing},
		`   {"verdict":"failed"}`:                                {412, "application/json", missing},
		`    {"verdict":"failed"}`:                               {429, "application/json", missing},
		`     {"verdict":"failed"}`:                              {302, "application/json", missing},
		`      {"verdict":"failed"}`:                             {204, "application/json", missing},
	} {
		l := newLab(t, canary.Config{})
		weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: l.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		var asked []string
		health, err := canary.NewHTTPHealth("http://health.test/v1", canary.HTTPConfig{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked = append(asked, r.Method+" "+r.URL.String())
			rec := httptest.NewRecorder()
			if c.kind != "" {
				rec.Header().Set("Content-Type", c.kind)
			}
			rec.WriteHeader(c.status)
			_, _ = rec.WriteString(body)
			return rec.Result(), nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		e, err := canary.New(weights, health, canary.Config{Limits: strict(), Steps: canary.Steps(90*time.Second, 30)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = executortest.NewRun(t).Finish(e)
		if c.code == passed {
			l.wantWeight(t, 30)
			if err != nil {
				t.Errorf("%d %s: %v", c.status, body, err)
			}
		} else {
			l.wantWeight(t, 0)
			wantFailure(t, err, c.code, c.code == missing)
		}
		if want := []string{"GET http://health.test/v1/tenants/tenant1/health?weight=30&heldSeconds=90"}; !slices.Equal(asked, want) {
			t.Errorf("asked %q", asked)
		}
	}
}

func TestFaultsOfTheHealthServiceAreMissingChecks(t *testing.T) {
	t.Parallel()
	for _, fault := range []canarytest.Fault{
		canarytest.TimeOut, canarytest.Drop, canarytest.Unavailable, canarytest.Refuse, canarytest.Garble,
		canarytest.Redirect, canarytest.Login, canarytest.Late,
	} {
		for missing, code := range map[int]string{3: "", 4: canary.CodeHealthMissing} {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, canary.Config{})
				l.Inject(tenantID, canarytest.Check, fault, missing)
				_, err := executortest.NewRun(t).Finish(l)
				if code == "" {
					l.wantWeight(t, 100)
					if err != nil {
						t.Errorf("fault %d: %v", fault, err)
					}
					return
				}
				l.wantWeight(t, 0)
				info := wantFailure(t, err, code, true)
				if info.Step != "CHECK_AT_5" || !strings.Contains(info.Reason, "at 5 percent: 0 failed, 0 inconclusive, 4 missing checks (missing: Health API ") {
					t.Errorf("fault %d: %+v", fault, info)
				}
				if strings.Contains(info.Reason, "secret") || strings.Contains(info.Reason, "health.test") {
					t.Errorf("the failure tells too much: %s", info.Reason)
				}
			})
		}
	}
}

// TestTheWeightBeforeACheckCannotBeRead counts a check as missing if the weight that it is about
// cannot be read.
func TestTheWeightBeforeACheckCannotBeRead(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{Limits: canary.Limits{Missing: 1}})
	l.Inject(tenantID, canarytest.Weight, 0, 3)
	l.Inject(tenantID, canarytest.Weight, canarytest.Unavailable, 2)
	_, err := executortest.NewRun(t).Finish(l)
	wantFailure(t, err, canary.CodeHealthMissing, true)
	l.wantWeight(t, 0)
	if n := len(l.Calls(tenantID, canarytest.Check)); n != 0 {
		t.Errorf("%d checks", n)
	}
}

// TestLimits lets the checks at the first step report in turn. Every kind has its own limit, and a
// passed check ends the step, whatever came before.
func TestLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limits  canary.Limits
		reports string // f, i, m or p
		code    string
		checks  int // at the first step
	}{
		"one failed by default":              {reports: "f", code: canary.CodeHealthFailed, checks: 1},
		"failed after others":                {reports: "imf", code: canary.CodeHealthFailed, checks: 3},
		"inconclusive, three":                {reports: "iiip", checks: 4},
		"inconclusive, four":                 {reports: "iiii", code: canary.CodeHealthInconclusive, checks: 4},
		"missing, three":                     {reports: "mmmp", checks: 4},
		"missing, four":                      {reports: "mmmm", code: canary.CodeHealthMissing, checks: 4},
		"three of both":                      {reports: "imimimp", checks: 7},
		"no verdict is missing":              {reports: "????", code: canary.CodeHealthMissing, checks: 4},
		"failed twice, once allowed":         {limits: canary.Limits{Failed: 1}, reports: "fif", code: canary.CodeHealthFailed, checks: 3},
		"failed once, once allowed":          {limits: canary.Limits{Failed: 1}, reports: "fp", checks: 2},
		"the next step counts anew":          {limits: canary.Limits{Failed: 1}, reports: "fpfp", checks: 2},
		"nothing inconclusive is tolerated":  {limits: canary.Limits{Inconclusive: -1}, reports: "i", code: canary.CodeHealthInconclusive, checks: 1},
		"nothing missing is tolerated":       {limits: canary.Limits{Missing: -7}, reports: "m", code: canary.CodeHealthMissing, checks: 1},
		"inconclusive once, once is allowed": {limits: canary.Limits{Inconclusive: 1}, reports: "ip", checks: 2},
	} {
		w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
		weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
		if err != nil {
			t.Fatal(err)
		}
		h := &script{reports: c.reports}
		e, err := canary.New(weights, h, canary.Config{Limits: c.limits, Interval: time.Minute, Steps: canary.Steps(time.Hour, 20, 40)})
		if err != nil {
			t.Fatal(err)
		}
		run, err := executortest.NewRun(t).Finish(e)
		end := 40
		if c.code != "" {
			end = 0
			wantFailure(t, err, c.code, c.code == canary.CodeHealthMissing)
		} else if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := w.Weight(tenantID); got != end {
			t.Errorf("%s: the weight is %d", name, got)
		}
		first := slices.DeleteFunc(h.asked, func(p canary.Probe) bool { return p.Weight != 20 })
		if len(first) != c.checks {
			t.Errorf("%s: %d checks", name, len(first))
		}
		for i, p := range first {
			if want := (canary.Probe{TenantID: tenantID, Weight: 20, Held: time.Hour + time.Duration(i)*time.Minute}); p != want {
				t.Errorf("%s: check %d: %+v", name, i+1, p)
			}
			if i > 0 && run.Waits()[i] != time.Minute {
				t.Errorf("%s: waited %s", name, run.Waits())
			}
		}
	}
}

// script is a health service whose checks report in turn, and pass when nothing is left.
type script struct {
	reports string
	asked   []canary.Probe
}

func (s *script) Check(_ context.Context, p canary.Probe) (canary.Report, error) {
	s.asked = append(s.asked, p)
	if s.reports == "" {
		return canary.Report{Verdict: canary.Passed}, nil
	}
	kind := s.reports[0]
	s.reports = s.reports[1:]
	switch kind {
	case 'f':
		return bad(), nil
	case 'i':
		return none(), nil
	case 'p':
		return canary.Report{Verdict: canary.Passed}, nil
	case 'm':
		return bad(), errors.New("no figures yet")
	}
	return canary.Report{}, nil
}

// health is a health service made of a function.
type health func(context.Context) (canary.Report, error)

func (h health) Check(ctx context.Context, _ canary.Probe) (canary.Report, error) { return h(ctx) }

// TestHealthOfTheHost tries what a host's own health service may do.
func TestHealthOfTheHost(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 300)
	many := map[string]float64{"nan": math.NaN(), "inf": math.Inf(1)}
	for i := range 500 {
		many[long+string(rune('a'+i%26))+strings.Repeat("x", i)] = float64(i)
	}
	for name, c := range map[string]struct {
		health health
		code   string
		reason string
	}{
		"panics":             {func(context.Context) (canary.Report, error) { panic("oh") }, canary.CodeHealthMissing, "missing: the health check panicked: oh"},
		"takes too long":     {func(ctx context.Context) (canary.Report, error) { <-ctx.Done(); return canary.Report{}, ctx.Err() }, canary.CodeHealthMissing, "CHECK_AT_10 took longer than 1m0s"},
		"an unknown verdict": {func(context.Context) (canary.Report, error) { return canary.Report{Verdict: 9}, nil }, canary.CodeHealthMissing, "missing: the report has no verdict"},
		"a code of another kind": {func(context.Context) (canary.Report, error) {
			return canary.Report{}, executor.Fail("TENANT_MOVED_ON", errors.New("gone"))
		}, canary.CodeHealthMissing, "missing: gone"},
		"too many figures": {func(context.Context) (canary.Report, error) {
			return canary.Report{Verdict: canary.Failed, Figures: many, Reason: long}, nil
		}, canary.CodeHealthFailed, "inf +Inf, nan NaN"},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
			weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
			if err != nil {
				t.Fatal(err)
			}
			e, err := canary.New(weights, c.health, canary.Config{Limits: strict(), Steps: canary.Steps(time.Second, 10)})
			if err != nil {
				t.Fatal(err)
			}
			run, err := executortest.NewRun(t).Finish(e)
			info := wantFailure(t, err, c.code, c.code == canary.CodeHealthMissing)
			if !strings.Contains(info.Reason, c.reason) {
				t.Errorf("%s: %s", name, info.Reason)
			}
			if got, _ := w.Weight(tenantID); got != 0 || len(run.Task().Checkpoint.Data) > 8<<10 {
				t.Errorf("%s: weight %d, %d bytes saved", name, got, len(run.Task().Checkpoint.Data))
			}
		})
	}
}

func TestAHealthServiceMayAskForTime(t *testing.T) {
	t.Parallel()
	w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
	weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	busy := true
	e, err := canary.New(weights, health(func(context.Context) (canary.Report, error) {
		if busy {
			busy = false
			return canary.Report{}, &executor.Error{Code: "BUSY", Retryable: true, RetryAfter: time.Hour, Err: errors.New("busy")}
		}
		return canary.Report{Verdict: canary.Passed}, nil
	}), canary.Config{Steps: canary.Steps(time.Minute, 10)})
	if err != nil {
		t.Fatal(err)
	}
	run, err := executortest.NewRun(t).Finish(e)
	if err != nil || !slices.Equal(run.Waits(), []time.Duration{time.Minute, time.Hour}) {
		t.Errorf("waited %s: %v", run.Waits(), err)
	}
}

// TestAShutdownDuringACheckIsNoMissingCheck ends the context in a check. The next process checks
// again, and nothing is counted.
func TestAShutdownDuringACheckIsNoMissingCheck(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{})
	weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: l.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	e, err := canary.New(weights, health(func(ctx context.Context) (canary.Report, error) {
		cancel(executor.ErrShutdown)
		return canary.Report{}, ctx.Err()
	}), canary.Config{Limits: strict()})
	if err != nil {
		t.Fatal(err)
	}
	run := executortest.NewRun(t)
	if _, later := executor.ResumeIn(run.Execute(e)); !later {
		t.Fatal("it did not wait")
	}
	run = run.Again()
	if err := e.Execute(ctx, run.Run); !errors.Is(err, executor.ErrShutdown) {
		t.Errorf("Execute: %v", err)
	}
	if _, err := run.Again().Finish(l); err != nil {
		t.Error(err)
	}
	l.wantSet(t, 5, 25, 50, 100)
}
