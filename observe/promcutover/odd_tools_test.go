package promcutover_test

import (
	"strings"
	"testing"

	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/renewal"
)

// A process that has no engine, but renews keys, exports nothing of an engine, so that no alert
// waits for what it could never read.
func TestRenewalsWithoutAnEngine(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{})
	m.Renewal()
	for name := range gathered(t, reg) {
		if !strings.HasPrefix(name, "renewal_") {
			t.Errorf("%s is exported without an engine", name)
		}
	}
	m.Hooks()
	expect(t, reg, map[string]float64{"engine_claims_total": 0, "collector_refresh_failures_total": 0})
	if _, there := gathered(t, reg)["collector_refresh_age_seconds"]; !there {
		t.Error("an engine whose collector does not run has no age")
	}
}

// Two renewal services of a process may use one node.
func TestTwoServicesOfOneNode(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{})
	one, two := m.Renewal(), m.Renewal()
	for _, h := range []renewal.Hooks{one, two} {
		h.OnLag(renewal.Lag{Node: "a", Begun: true})
		h.OnEviction(renewal.Eviction{Node: "a", Begun: true})
	}
	one.OnLag(renewal.Lag{Node: "a"})
	one.OnEviction(renewal.Eviction{Node: "a"})
	expect(t, reg, map[string]float64{"renewal_lagging_nodes": 1, "renewal_evicting_nodes": 1})
	two.OnLag(renewal.Lag{Node: "a"})
	two.OnEviction(renewal.Eviction{Node: "a"})
	expect(t, reg, map[string]float64{"renewal_lagging_nodes": 0, "renewal_evicting_nodes": 0})
}
