package canarytest_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func put(t *testing.T, w *canarytest.World, id, body, token string) int {
	t.Helper()
	rec := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPut, "/tenants/"+id+"/weight", strings.NewReader(body))
	req.Header.Set(canary.HeaderToken, token)
	w.Weights().ServeHTTP(rec, req)
	return rec.Code
}

func TestChangesAreCheckedAsAGoodServiceDoes(t *testing.T) {
	t.Parallel()
	w := canarytest.NewWorld(canarytest.Tenant{ID: "acme", Weight: 5})
	for _, c := range []struct {
		body, token string
		want        int
		weight      int
	}{
		{`{"weight":25,"from":7}`, "5", http.StatusPreconditionFailed, 5},
		{`{"weight":25,"from":5}`, "5", http.StatusOK, 25},
		{`{"weight":25,"from":5}`, "5", http.StatusOK, 25},
		{`{"weight":5,"from":25}`, "4", http.StatusConflict, 25},
		{`{"weight"`, "6", http.StatusBadRequest, 25},
	} {
		got := put(t, w, "acme", c.body, c.token)
		if weight, ok := w.Weight("acme"); got != c.want || weight != c.weight || !ok {
			t.Errorf("%s: %d, the weight is %d", c.body, got, weight)
		}
	}
	if got := put(t, w, "nobody", `{"weight":25,"from":5}`, "1"); got != http.StatusNotFound {
		t.Errorf("an unknown tenant: %d", got)
	}
	calls := w.Calls("acme", canarytest.SetWeight)
	applied := slices.DeleteFunc(slices.Clone(calls), func(c canarytest.Call) bool { return !c.Applied })
	if len(calls) != 4 || len(applied) != 2 || len(w.Calls("acme", canarytest.Check)) != 0 {
		t.Errorf("calls %+v", calls)
	}
}

func TestFaultsHaveNames(t *testing.T) {
	t.Parallel()
	for fault, want := range map[canarytest.Fault]string{
		0: "none", canarytest.TimeOut: "TimeOut", canarytest.Unavailable: "Unavailable", canarytest.Ignore: "Ignore",
		canarytest.Login: "Login", canarytest.Late: "Late", canarytest.Late + 1: "Fault(12)", -1: "Fault(-1)",
	} {
		if got := fault.String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestALateChangeIsFencedWhenItArrives(t *testing.T) {
	t.Parallel()
	w := canarytest.NewWorld(canarytest.Tenant{ID: "acme"})
	w.Inject("acme", canarytest.SetWeight, canarytest.Late, 3)
	for token, body := range []string{`{"weight":5,"from":0}`, `{"weight":0,"from":5}`, `{"weight":1,"from":2}`} {
		if got := put(t, w, "acme", body, []string{"5", "7", "8"}[token]); got != http.StatusGatewayTimeout {
			t.Errorf("%s: %d", body, got)
		}
	}
	if got := put(t, w, "acme", `{"weight":0,"from":5}`, "6"); got != http.StatusOK {
		t.Errorf("the change in between: %d", got)
	}
	if got, want := w.DeliverLate(), []int{http.StatusConflict, http.StatusOK, http.StatusPreconditionFailed}; !slices.Equal(got, want) {
		t.Errorf("late %d", got)
	}
	if got := w.DeliverLate(); len(got) != 0 {
		t.Errorf("late once more: %d", got)
	}
}

func TestReportsAreGivenInTurnUntilTheyAreHealed(t *testing.T) {
	t.Parallel()
	w := canarytest.NewWorld(canarytest.Tenant{ID: "acme"})
	health, err := canary.NewHTTPHealth("http://health.test", canary.HTTPConfig{Transport: w.Transport()})
	if err != nil {
		t.Fatal(err)
	}
	failed := canary.Report{Verdict: canary.Failed, Figures: map[string]float64{"errorRate": 0.5}, Reason: "bad"}
	w.Report("acme", failed, canary.Report{Verdict: canary.Inconclusive})
	w.Report("acme", failed)
	w.Inject("acme", canarytest.Check, canarytest.Unavailable, 1)
	if _, err := health.Check(t.Context(), canary.Probe{TenantID: "acme"}); err == nil {
		t.Error("no fault")
	}
	got, err := health.Check(t.Context(), canary.Probe{TenantID: "acme", Weight: 7})
	if err != nil || got.Verdict != canary.Failed || got.Figures["errorRate"] != 0.5 || got.Reason != "bad" {
		t.Errorf("%+v, %v", got, err)
	}
	w.Heal()
	if got, err := health.Check(t.Context(), canary.Probe{TenantID: "acme"}); err != nil || got.Verdict != canary.Passed {
		t.Errorf("after healing: %+v, %v", got, err)
	}
	if c := w.Calls("acme", canarytest.Check); len(c) != 3 || c[1].To != 7 || c[0].Fault != canarytest.Unavailable {
		t.Errorf("calls %+v", c)
	}
}

// TestTheTransportIsANetwork checks that a transport without a network fails like one.
func TestTheTransportIsANetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := canarytest.NewWorld(canarytest.Tenant{ID: "acme", Weight: 5})
		weights, err := canary.NewHTTPWeights("http://weights.test", canary.HTTPConfig{Transport: w.Transport(), Timeout: 3 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		w.Inject("acme", canarytest.Weight, canarytest.TimeOut, 1)
		w.Inject("acme", canarytest.Weight, canarytest.Drop, 1)
		began := time.Now()
		for _, want := range []string{"Weights API timeout", "Weights API unavailable"} {
			if _, err := weights.Weight(t.Context(), "acme"); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("took %s", took)
		}
		if got, err := weights.Weight(t.Context(), "acme"); got != 5 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := weights.Weight(ended, "acme"); !errors.Is(err, context.Canceled) {
			t.Errorf("on an ended context: %v", err)
		}
	})
}
