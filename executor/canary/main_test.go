package canary_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const tenantID = "tenant1"

// lab is a world with the executor under test connected to it, without a network.
type lab struct {
	*canarytest.World
	*canary.Executor
}

// newLab returns a lab with a tenant at 0 percent.
func newLab(t *testing.T, c canary.Config) *lab {
	t.Helper()
	l := &lab{World: canarytest.NewWorld(canarytest.Tenant{ID: tenantID})}
	l.Executor = connect(t, l.World, c)
	return l
}

// connect returns an executor over the services of the world. Calls that get no answer end after
// 10 s.
func connect(t *testing.T, w *canarytest.World, c canary.Config) *canary.Executor {
	t.Helper()
	config := canary.HTTPConfig{Transport: w.Transport(), Header: http.Header{"Authorization": {"Bearer secret"}}}
	weights, err := canary.NewHTTPWeights("http://weights.test/", config)
	if err != nil {
		t.Fatal(err)
	}
	health, err := canary.NewHTTPHealth("http://health.test", config)
	if err != nil {
		t.Fatal(err)
	}
	e, err := canary.New(weights, health, c)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// wantWeight checks the tenant's weight.
func (l *lab) wantWeight(t *testing.T, want int) {
	t.Helper()
	if got, _ := l.Weight(tenantID); got != want {
		t.Errorf("the weight is %d, want %d", got, want)
	}
}

// set returns the weights that were set, in order. It fails the test if one was set under two
// tokens: by two runs of the task.
func (l *lab) set(t *testing.T) []int {
	t.Helper()
	var weights []int
	by := map[int]uint64{}
	for _, c := range l.Calls(tenantID, canarytest.SetWeight) {
		if !c.Applied {
			continue
		}
		if token, ok := by[c.To]; ok && token != c.Token {
			t.Errorf("%d percent was set under the tokens %d and %d", c.To, token, c.Token)
		}
		by[c.To] = c.Token
		weights = append(weights, c.To)
	}
	return weights
}

// wantSet checks which weights were set, in order.
func (l *lab) wantSet(t *testing.T, want ...int) {
	t.Helper()
	if got := l.set(t); !slices.Equal(got, want) {
		t.Errorf("weights set: %d, want %d", got, want)
	}
}

// wantFailure checks code and retryability, and returns the description of err that is stored.
func wantFailure(t *testing.T, err error, code string, retryable bool) task.FailureInfo {
	t.Helper()
	if err == nil {
		t.Fatalf("no failure, want %s", code)
	}
	info := executor.FailureOf(err, time.Time{}, 1, "")
	if info.ErrorCode != code || info.Retryable != retryable {
		t.Errorf("failed with %+v, want %s, retryable %t", info, code, retryable)
	}
	return info
}

// bad returns a failed report with figures, none an inconclusive one.
func bad() canary.Report {
	return canary.Report{Verdict: canary.Failed, Figures: map[string]float64{"p99Millis": 820, "errorRate": 0.12}, Reason: "too slow"}
}

func none() canary.Report { return canary.Report{Verdict: canary.Inconclusive, Reason: "no traffic"} }

func containsAll(s string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(s, p) })
}

// finish lets a new task run to its end, and its holds pass.
func finish(t *testing.T, l *lab) {
	t.Helper()
	if _, err := executortest.NewRun(t).Finish(l); err != nil {
		t.Fatal(err)
	}
}
