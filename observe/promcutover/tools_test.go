package promcutover_test

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/renewal"
	"github.com/cutover-go/cutover/task"
)

// What renewal and redisack report is exported once somebody has their hooks, from 0 on.
func TestTools(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{})
	if _, there := gathered(t, reg)["renewal_calls_total"]; there {
		t.Error("renewals are exported although nobody has their hooks")
	}
	r, a := m.Renewal(), m.Redisack()
	expect(t, reg, map[string]float64{
		"renewal_keys_total lost": 0, "renewal_late_seconds": 0, "renewal_left_ratio": 0, "renewal_lagging_nodes": 0,
		"redisack_runs_total Timeout": 0, "redisack_runs_total Confirmed": 0, "redisack_confirm_seconds": 0,
	})
	b := renewal.Batch{Calls: 2, Renewed: 10, Lost: 1, Failed: 3, Skipped: 4, LateSum: 3 * time.Second, LeftSum: 6}
	b.Late[0], b.Late[len(b.Late)-1], b.Left[0], b.Left[9] = 8, 2, 4, 6
	r.OnBatch(b)
	r.OnBatch(b)
	for _, node := range []string{"a", "b", "a"} {
		r.OnLag(renewal.Lag{Node: node, Begun: true})
		r.OnEviction(renewal.Eviction{Node: node, Begun: true})
	}
	r.OnLag(renewal.Lag{Node: "b"})
	a.OnDone(&redisack.AckResult{Reason: redisack.ReasonTimeout, Elapsed: time.Second})
	a.OnDone(&redisack.AckResult{Reason: redisack.ReasonConfirmed, Elapsed: time.Second})
	a.OnDone(&redisack.AckResult{Reason: 200})
	a.OnEndpoint(redisack.Target{}, redisack.EndpointReport{Reason: redisack.ReasonGone})
	a.OnEndpoint(redisack.Target{}, redisack.EndpointReport{Reason: redisack.ReasonConfirmed, ConfirmedAfter: time.Second})
	expect(t, reg, map[string]float64{
		"renewal_calls_total": 4, "renewal_keys_total renewed": 20, "renewal_keys_total lost": 2, "renewal_keys_total failed": 6,
		"renewal_keys_total skipped": 8, "renewal_late_seconds": 20, "renewal_left_ratio": 20, "renewal_lagging_nodes": 1, "renewal_evicting_nodes": 2,
		"redisack_runs_total Timeout": 1, "redisack_runs_total Confirmed": 1, "redisack_confirm_seconds": 1, "redisack_endpoint_confirm_seconds": 1,
	})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		h := f.GetMetric()[0].GetHistogram()
		switch f.GetName() {
		case "cutover_renewal_late_seconds":
			if h.GetSampleSum() != 6 || h.GetBucket()[0].GetCumulativeCount() != 16 || len(h.GetBucket()) != len(renewal.LateBounds) {
				t.Errorf("late: %v", h)
			}
		case "cutover_renewal_left_ratio":
			if h.GetSampleSum() != 12 || h.GetBucket()[0].GetUpperBound() != 0.1 || h.GetBucket()[8].GetCumulativeCount() != 8 {
				t.Errorf("left: %v", h)
			}
		}
	}
}

// A registry gathers every histogram of a duration in the form that is asked for. The text format
// does not show native ones.
func TestNativeHistogramsAreGathered(t *testing.T) {
	t.Parallel()
	for form, want := range map[promcutover.Histograms][2]bool{
		promcutover.ClassicHistograms: {true, false}, promcutover.NativeHistograms: {false, true}, promcutover.BothHistograms: {true, true},
	} {
		m, reg := newCollector(t, promcutover.Config{Histograms: form})
		m.Hooks().OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{State: task.Completed, Elapsed: time.Second, Stopping: time.Second})
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, f := range families {
			for _, metric := range f.GetMetric() {
				h := metric.GetHistogram()
				if h == nil {
					continue
				}
				seen++
				if has := [2]bool{len(h.GetBucket()) > 0, h.Schema != nil && h.GetZeroThreshold() > 0}; has != want {
					t.Errorf("form %d: %s is classic %t, native %t", form, f.GetName(), has[0], has[1])
				}
			}
		}
		if seen != 12 {
			t.Errorf("form %d: %d histograms", form, seen)
		}
	}
}
