package canary_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// judged returns an executor over the weights of a world, whose checks call f.
func judged(t *testing.T, w *canarytest.World, f health, c canary.Config) *canary.Executor {
	t.Helper()
	weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	e, err := canary.New(weights, f, c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestTheLastCheckIsNeverCutOff lets three checks report as much as they may. What is stored of the
// failure has the check that decided, and says that the weight was put back.
func TestTheLastCheckIsNeverCutOff(t *testing.T) {
	t.Parallel()
	figures := map[string]float64{}
	for i := range 20 {
		figures[fmt.Sprintf("%02d%s", i, strings.Repeat("n", 100))] = -1.2345678901234567e-300
	}
	checks := 0
	w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
	e := judged(t, w, func(context.Context) (canary.Report, error) {
		checks++
		return canary.Report{Verdict: canary.Inconclusive, Figures: figures, Reason: fmt.Sprintf("check %d %s", checks, strings.Repeat("r", 300))}, nil
	}, canary.Config{})
	_, err := executortest.NewRun(t).Finish(e)
	info := wantFailure(t, err, canary.CodeHealthInconclusive, false)
	if stored := info.Clip().Reason; !containsAll(stored, "check 4 ", "15nnn", "; the weight was put back") {
		t.Errorf("%d of %d bytes are stored: %s", len(stored), len(info.Reason), stored)
	}
	if len(info.Reason) > task.MaxReason {
		t.Errorf("the reason has %d bytes", len(info.Reason))
	}
}

// TestAFailureSaysWhereTheWeightIs checks a tenant that was at the last weight before: it stays
// there, and the failure must not read as if its traffic were gone.
func TestAFailureSaysWhereTheWeightIs(t *testing.T) {
	t.Parallel()
	for _, found := range []int{0, 3, 100} {
		l := newLab(t, canary.Config{})
		l.Put(canarytest.Tenant{ID: tenantID, Weight: found})
		l.Report(tenantID, bad())
		_, err := executortest.NewRun(t).Finish(l)
		info := wantFailure(t, err, canary.CodeHealthFailed, false)
		if want := fmt.Sprintf("; the weight was put back to %d percent", found); !strings.HasSuffix(info.Reason, want) {
			t.Errorf("found at %d percent: %s", found, info.Reason)
		}
	}
}

// TestAFigureWithoutAValueIsNone answers as a service does that has no data for a figure.
func TestAFigureWithoutAValueIsNone(t *testing.T) {
	t.Parallel()
	h, err := canary.NewHTTPHealth("http://health.test", canary.HTTPConfig{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		rec := httptest.NewRecorder()
		_, err := rec.WriteString(`{"verdict":"inconclusive","figures":{"errorRate":null,"requests":0}}`)
		return rec.Result(), err
	})})
	if err != nil {
		t.Fatal(err)
	}
	report, err := h.Check(t.Context(), canary.Probe{TenantID: tenantID, Weight: 5})
	if requests, ok := report.Figures["requests"]; err != nil || len(report.Figures) != 1 || !ok || requests != 0 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestHeldIsWhatHasPassed changes the interval while a task waits for its second check. The figures
// must not cover the time before the weight was set.
func TestHeldIsWhatHasPassed(t *testing.T) {
	t.Parallel()
	w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
	weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	s := &script{reports: "ii"}
	run := executortest.NewRun(t)
	for _, interval := range []time.Duration{time.Minute, time.Minute, time.Hour} {
		e, err := canary.New(weights, s, canary.Config{Steps: canary.Steps(5*time.Minute, 10), Interval: interval})
		if err != nil {
			t.Fatal(err)
		}
		if _, later := executor.ResumeIn(run.Execute(e)); !later {
			t.Fatal("it did not wait")
		}
		run = run.Again()
	}
	var held []time.Duration
	for _, p := range s.asked {
		held = append(held, p.Held)
	}
	if want := []time.Duration{5 * time.Minute, 6 * time.Minute}; !slices.Equal(held, want) {
		t.Errorf("held %s, want %s", held, want)
	}
}

// TestNoWaitIsTooLong lets a host's own health service ask for more time than a store can note.
func TestNoWaitIsTooLong(t *testing.T) {
	t.Parallel()
	w := canarytest.NewWorld(canarytest.Tenant{ID: tenantID})
	e := judged(t, w, func(context.Context) (canary.Report, error) {
		return canary.Report{}, &executor.Error{Code: "BUSY", RetryAfter: 1000 * 24 * time.Hour, Err: errors.New("busy")}
	}, canary.Config{Steps: canary.Steps(time.Minute, 10)})
	run := executortest.NewRun(t)
	_ = run.Execute(e) // the hold
	if after, later := executor.ResumeIn(run.Again().Execute(e)); !later || after != store.MaxWait {
		t.Errorf("it waits %s", after)
	}
}

func TestAHoldOfAFractionOfAMillisecondIsNotShorter(t *testing.T) {
	t.Parallel()
	l := newLab(t, canary.Config{Steps: canary.Steps(1900*time.Microsecond, 100)})
	run, err := executortest.NewRun(t).Finish(l)
	if err != nil || !slices.Equal(run.Waits(), []time.Duration{2 * time.Millisecond}) {
		t.Errorf("waited %s: %v", run.Waits(), err)
	}
}

// TestAWeightThatTheServiceChoseItself agrees to 25 percent and sets 24, as a service does that
// rounds. Nobody can tell that from a change by somebody else.
func TestAWeightThatTheServiceChoseItself(t *testing.T) {
	t.Parallel()
	s := &rounding{}
	e, err := canary.New(s, well{}, canary.Config{Steps: canary.Steps(time.Minute, 25)})
	if err != nil {
		t.Fatal(err)
	}
	run := executortest.NewRun(t)
	info := wantFailure(t, run.Execute(e), task.CodeTenantMovedOn, false)
	if info.Step != "RAISE_TO_25" || !strings.Contains(info.Reason, `"24"`) {
		t.Errorf("%+v", info)
	}
	wantFailure(t, run.Again().Rollback(e), task.CodeTenantMovedOn, false)
}

// rounding is a service that can only set even weights.
type rounding struct{ weight int }

func (r *rounding) Weight(context.Context, string) (int, error) { return r.weight, nil }
func (r *rounding) SetWeight(_ context.Context, c canary.Change) error {
	r.weight = c.To &^ 1
	return nil
}

// panicky is a service of weights of which a read panics once it is told to.
type panicky struct {
	odd
	panics bool
}

func (p *panicky) Weight(ctx context.Context, id string) (int, error) {
	if p.panics {
		p.panics = false
		panic("no map")
	}
	return p.odd.Weight(ctx, id)
}

// TestAPanicOfTheWeightsInACheckIsAMissingCheck lets the weights panic before the health is asked
// for, which must not leave the weight up either.
func TestAPanicOfTheWeightsInACheckIsAMissingCheck(t *testing.T) {
	t.Parallel()
	p := &panicky{odd: odd{set: func(context.Context) error { return nil }}}
	e, err := canary.New(p, well{}, canary.Config{Limits: strict()})
	if err != nil {
		t.Fatal(err)
	}
	run := executortest.NewRun(t)
	if _, later := executor.ResumeIn(run.Execute(e)); !later {
		t.Fatal("it did not wait")
	}
	p.panics = true
	info := wantFailure(t, run.Again().Execute(e), canary.CodeHealthMissing, true)
	if !strings.Contains(info.Reason, "missing: the weights panicked: no map") || p.weight != 0 {
		t.Errorf("weight %d, %s", p.weight, info.Reason)
	}
}
