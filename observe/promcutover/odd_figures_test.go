package promcutover_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/observe/promcutover"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// Notifiers beyond the limit are added up, with one that has the name of what is added up: two
// series of one name would turn the whole answer of the host's metrics into an error.
func TestNotifiersBeyondTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m, reg := newCollector(t, promcutover.Config{})
		engine, err := cutover.New(s, cutover.Config{Hooks: m.Hooks()})
		if err != nil {
			t.Fatal(err)
		}
		subs := engine.Subscriptions()
		for i := range 60 {
			if _, err := subs.Subscribe(t.Context(), fmt.Sprintf("z-%02d", i), false); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := subs.Subscribe(t.Context(), "other", false); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx, engine) }()
		synctest.Wait()
		series := 0
		for name := range gathered(t, reg) {
			if strings.HasPrefix(name, "store_notifier_dead_letters ") {
				series++
			}
		}
		if series != 50 {
			t.Errorf("%d series of notifiers, want 50", series)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// Figures of executions make sense, too, if some began before their hooks were there.
func TestEndsWithoutBeginnings(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{})
	h := m.Hooks()
	h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{State: task.Completed})
	expect(t, reg, map[string]float64{"engine_in_flight_tasks": 0, "engine_claims_total": 1})
}

// The sums of a process with a hundred thousand tasks in flight do not fall within years.
func TestSumsDoNotFall(t *testing.T) {
	t.Parallel()
	m, reg := newCollector(t, promcutover.Config{})
	h := m.Hooks()
	const year = 365 * 24 * time.Hour
	before := 0.0
	for range 1000 {
		h.OnExecuteEnd(t.Context(), hook.Execution{}, hook.Outcome{State: task.Completed, Elapsed: 100 * year})
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "cutover_engine_task_seconds" {
				sum := 0.0
				for _, metric := range f.GetMetric() {
					sum += metric.GetHistogram().GetSampleSum()
				}
				if sum <= before {
					t.Fatalf("the sum falls from %g to %g", before, sum)
				}
				before = sum
			}
		}
	}
}
