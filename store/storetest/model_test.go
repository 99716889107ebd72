package storetest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// TestModelFindsFaults checks that [Model] alone finds stores that break a promise about waves,
// windows, tunings, additions of tenants or the agenda. With -short, each run takes the next four
// of them.
func TestModelFindsFaults(t *testing.T) {
	t.Parallel()
	stores := map[string]func(s store.Store) store.Store{
		"claims of any wave":            secretly(opensAllWaves),
		"claims before the time":        secretly(opensEarly),
		"claims after the time":         secretly(closesNever),
		"counts in the open wave":       tells(countsInTheOpen),
		"counts only the open wave":     tells(countsOnlyTheOpen),
		"goes on counting in waves":     wrap[countsOn],
		"never ends a wave":             tells(neverEndsWaves),
		"ends a wave again and again":   tells(endsWavesAnew),
		"ends a wave early":             tells(endsWavesEarly),
		"judges by the plan alone":      forgives(allWaves),
		"judges by the open wave alone": forgives(allButTheOpen),
		"takes a canary for any wave":   wrap[neverStrict],
		"forgets approvals":             obeys(forgetsApprovals),
		"forgets tunings":               obeys(forgetsTunings),
		"appends nothing":               wrap[appendsNothing],
		"appends for anybody":           wrap[appendsForAnybody],
		"counts no added waves":         tells(countsNoAddedWaves),
		"adds what is not stored":       wrap[addsAnyway],
		"leaves plans to nobody":        wrap[leavesToNobody],
		"leaves plans for good":         wrap[keepsWhatIsLeft],
	}
	names := slices.Sorted(maps.Keys(stores))
	for _, i := range sample.Of(t, 4, uint64(len(names))) {
		t.Run(names[i], func(t *testing.T) {
			t.Parallel()
			r := recorder{TB: t}
			for runs := 0; runs < 10 && !r.Failed(); runs++ { // some faults are rare
				r.record(func(t testing.TB) {
					t.Helper()
					model(t, Harness{New: func(testing.TB) store.Store { return stores[names[i]](memstore.New()) }})
				})
			}
			if !r.Failed() {
				t.Fatal("the model passed")
			}
			found, _, _ := strings.Cut(r.failures[0], "\n")
			t.Logf("%.200s", found)
		})
	}
}

// endsWavesEarly tells that the open wave ended a little earlier than it did.
func endsWavesEarly(p *plan.Plan) {
	if !p.WaveEndedAt.IsZero() {
		p.WaveEndedAt = p.WaveEndedAt.Add(-5 * time.Millisecond)
	}
}

// secretive is a store that enforces other grants than it tells of.
type secretive struct {
	retold
	change func(*store.Command)

	mu     sync.Mutex
	grants map[plan.ID]strategy.Grant // as they were given
}

// secretly makes such a store.
func secretly(change func(*store.Command)) func(store.Store) store.Store {
	return func(s store.Store) store.Store {
		m := &secretive{change: change, grants: make(map[plan.ID]strategy.Grant)}
		m.retold = retold{s, m.recall}
		return m
	}
}

func (m *secretive) recall(p *plan.Plan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if g, known := m.grants[p.ID]; known {
		p.Grant = g
	}
}

func (m *secretive) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	given := c.Plan.Grant
	m.change(&c)
	a, err := m.Store.Apply(ctx, c)
	if err == nil && !a.Repeated {
		m.mu.Lock()
		m.grants[c.Plan.ID] = given
		m.mu.Unlock()
	}
	m.recall(&a.Plan)
	return a, err
}

func forgetsTunings(c *store.Command) { c.Plan.Tuning.Waves = nil }

// addsAnyway makes up tenants when too few are stored for an addition.
type addsAnyway struct{ mutant }

func (m *addsAnyway) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	p, err := m.Plan(ctx, c.Plan.ID)
	if err == nil && p.Adding != nil && c.Plan.TaskCount > p.TaskCount {
		for o := p.TaskCount + 1; o <= c.Plan.TaskCount; o++ {
			_ = m.AppendTenants(ctx, p.ID, p.Adding.Token, o, tenants(o, 1)) // those that are there are refused
		}
	}
	return m.Store.Apply(ctx, c)
}
