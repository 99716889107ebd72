//go:build gatewayproof

package gatewayproof

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/internal/proctest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
)

// concurrency returns how many tenants are switched at once: 50, or a tenth if there are few, so
// that the faults meet a plan that is under way.
func concurrency(tenants int) int { return max(1, min(50, tenants/10)) }

// TestProof is the proof of the package comment.
func TestProof(t *testing.T) {
	s := newSite(t, *tenantCount)
	l := &load{tenants: s.tenants, switched: make(chan string, 2*len(s.tenants))}
	for _, h := range s.proxies {
		l.addresses = append(l.addresses, h.Address)
	}
	var notes []note
	var done atomic.Int64 // switches that have returned
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var following sync.WaitGroup
	following.Go(func() {
		defer close(l.switched)
		err := follow(ctx, s.orders.Ledger, func(n note) {
			notes = append(notes, n)
			if n.Kind == returned {
				l.switched <- n.Tenant
				done.Add(1)
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
	l.start(ctx)

	s.thereAndBack(&done)
	stop()
	following.Wait()
	l.sending.Wait()
	s.judge(count(l.requests, notes, s.faults))
}

// thereAndBack runs the plan and rolls it back, both under faults.
func (s *site) thereAndBack(done *atomic.Int64) {
	s.Helper()
	began := time.Now()
	id := s.start()
	crew := &crew{site: s, engines: []*proctest.Process{s.startEngine(), s.startEngine()}}
	crew.disturb(done)
	s.wantEnd(id, plan.Completed, blue)
	there := time.Since(began)
	done.Store(0)
	if _, err := s.engine.Rollback(s.Context(), id); err != nil {
		s.Fatal(err)
	}
	crew.disturb(done)
	s.wantEnd(id, plan.RolledBack, green)
	n := len(s.tenants)
	s.Logf("%d tenants, %d at a time: to blue in %.0f s, back to green in %.0f s",
		n, concurrency(n), there.Seconds(), (time.Since(began) - there).Seconds())
}

// judge reports the counts, and fails the test unless all that must be 0 are.
func (s *site) judge(c counts) {
	s.Helper()
	s.Logf("%d switches returned, %d failed and were tried again", c.switches, c.switchFails)
	s.Logf("%d requests, %d of them over connections of their own", c.requests, c.alone)
	s.Logf("lost %d, stale %d over new connections and %d over those kept alive", c.lost, c.staleNew, c.staleKept)
	s.Logf("apart: %d lost with the killed instance, %d answered by the old process of a reload", c.lostKilled, c.staleOld)
	for _, text := range c.examples {
		s.Log(text)
	}
	if bad := c.lost + c.staleNew + c.staleKept; bad > 0 {
		s.Errorf("%d requests were answered as none may be", bad)
	}
	if least := 2 * len(s.tenants); c.switches < least {
		s.Errorf("%d switches were seen, want at least %d", c.switches, least)
	}
}

// start creates and starts the plan.
func (s *site) start() plan.ID {
	s.Helper()
	p, err := s.engine.Create(s.Context(), plan.Spec{
		Name: "proof", ExecutorType: bluegreen.Type, Tenants: plan.Tenants(s.tenants...),
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Count(concurrency(len(s.tenants))),
			Waves:          []strategy.Wave{{Size: strategy.Percent(10)}, {Size: strategy.Percent(30)}, {}},
			Retry:          strategy.Retry{Attempts: 10, First: 200 * time.Millisecond, Max: 2 * time.Second},
		},
	}, cutover.ExecutorElsewhere())
	if err == nil {
		_, err = s.engine.Start(s.Context(), p.ID)
	}
	if err != nil {
		s.Fatal(err)
	}
	return p.ID
}

// wantEnd waits until the plan is at rest in a state, and checks that every tenant is answered by
// one colour on every instance.
func (s *site) wantEnd(id plan.ID, want plan.State, colour string) {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), timeout)
	defer cancel()
	p, err := s.engine.Wait(ctx, id)
	if err != nil || p.State != want {
		s.Fatalf("the plan is %s, want %s: %+v, %v", p.State, want, p.Counters, err)
	}
	for i, h := range s.proxies {
		for _, tenant := range s.tenants {
			if got, err := h.Ask(s.Context(), tenant); err != nil || got != colour {
				s.Errorf("%s is answered by %q at instance %d, %v; want %s", tenant, got, i, err, colour)
			}
		}
	}
}

// crew are the engines that work.
type crew struct {
	*site
	engines []*proctest.Process
}

// down is how long a killed instance stays away.
const down = time.Second

// disturb reloads the first instance, kills the second one and starts it again, and kills an
// engine, each when another part of the tenants was switched.
func (c *crew) disturb(done *atomic.Int64) {
	c.Helper()
	c.await(done, 15)
	from := time.Now()
	c.reload(0)
	c.faults = append(c.faults, fault{instance: 0, from: from, until: time.Now()})

	c.await(done, 35)
	from = time.Now()
	c.proxies[1].Kill()
	time.Sleep(down)
	c.proxies[1].Start()
	c.faults = append(c.faults, fault{instance: 1, from: from, until: time.Now(), kill: true})

	c.await(done, 60)
	c.engines[0].Kill()
	c.engines = append(c.engines[1:], c.startEngine())
}

// await waits until a percentage of the tenants was switched.
func (c *crew) await(done *atomic.Int64, percent int) {
	c.Helper()
	for end := time.Now().Add(timeout); done.Load() < int64(percent*len(c.tenants)/100); time.Sleep(followInterval) {
		if time.Now().After(end) {
			c.Fatalf("%d switches have returned", done.Load())
		}
	}
}

// reload reloads an instance under its lock, as docs/gateways.md tells hosts to do.
func (c *crew) reload(i int) {
	c.Helper()
	if *plainReload {
		c.proxies[i].Reload()
		return
	}
	err := c.gateway.Reload(c.Context(), c.orders.Fleet[i].Name, func(context.Context) error {
		c.proxies[i].Reload()
		return nil
	})
	if err != nil {
		c.Fatal(err)
	}
}
