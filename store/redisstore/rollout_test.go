package redisstore

import (
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// rollout is a running plan, for a test.
type rollout struct {
	testing.TB
	*Store
	ctx context.Context //nolint:containedctx // the test's
	id  plan.ID
}

// start creates and starts a plan of n tasks, at most held of which may be held at the same time.
func start(t testing.TB, s *Store, n, held int) *rollout {
	t.Helper()
	st := strategy.Strategy{MaxConcurrency: strategy.Count(held), MaxFailures: strategy.Percent(100)}
	return startPlan(t, s, plan.Plan{TaskCount: n, Strategy: st}, nil)
}

// startPlan creates and starts a plan. label, if any, adds labels to the tenant with an ordinal.
func startPlan(t testing.TB, s *Store, p plan.Plan, label func(ordinal int) map[string]string) *rollout {
	t.Helper()
	r := &rollout{TB: t, Store: s, ctx: t.Context()}
	p.Name, p.ExecutorType = "plan", "EXECUTOR"
	c, err := s.BeginCreate(r.ctx, store.Create{Plan: p, Mark: rand.Text(), Hash: "h", TTL: time.Minute})
	r.ok(err)
	for n, first := p.TaskCount, 1; first <= n; first += store.MaxBatch {
		tenants := make([]task.Tenant, min(store.MaxBatch, n+1-first))
		for i := range tenants {
			tenants[i].ID = fmt.Sprintf("tenant-%d", first+i)
			if label != nil {
				tenants[i].Labels = label(first + i)
			}
		}
		r.ok(s.AddTenants(r.ctx, c, first, tenants))
	}
	r.ok(s.FinishCreate(r.ctx, c))
	r.id = c.ID
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1<<63+1, time.Minute, plan.By{}) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(plan.By{Now: time.Now()}) })
	return r
}

func (r *rollout) ok(err error) {
	r.Helper()
	if err != nil {
		r.Fatalf("unexpected error: %v", err)
	}
}

// again repeats f as long as it returns a passing fault.
func (r *rollout) again(f func() error) {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		err := f()
		if err == nil {
			return
		}
		if !store.Temporary(err) || time.Now().After(end) {
			r.Fatalf("error %v, want none or a passing one", err)
		}
	}
}

// decide commits the decision of f, and returns the plan after it.
func (r *rollout) decide(f func(plan.Plan) (plan.Decision, error)) plan.Plan {
	r.Helper()
	var applied store.Applied
	r.again(func() error {
		p, err := r.Plan(r.ctx, r.id)
		if err != nil {
			return err
		}
		d, err := f(p)
		r.ok(err)
		applied, err = r.Apply(r.ctx, store.Command{ID: rand.Text(), Version: p.Version, Failed: -1, Decision: d})
		return err
	})
	return applied.Plan
}

// claim claims up to n tasks for worker.
func (r *rollout) claim(worker string, n int) []task.Task {
	r.Helper()
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: rand.Text(), Worker: worker, Max: n}}
	r.again(func() error { return r.Commit(r.ctx, &b) })
	return b.Claimed
}

// drive completes every task after two checkpoints, with concurrent workers that repeat commits
// that end with a passing fault.
func (r *rollout) drive(workers int) {
	r.Helper()
	done := make(chan struct{})
	for w := range workers {
		go func() {
			defer func() { done <- struct{}{} }()
			r.driveOne(fmt.Sprintf("worker-%d", w))
		}()
	}
	for range workers {
		<-done
	}
}

func (r *rollout) driveOne(worker string) {
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: rand.Text(), Worker: worker, Max: 1}}
	send := func() bool {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			err := r.Commit(r.ctx, &b)
			if err == nil && len(b.Changes) > 0 {
				err = b.Changes[0].Err
			}
			if err == nil {
				return true
			}
			if !store.Temporary(err) || time.Now().After(end) {
				r.Errorf("commit: %v", err)
				return false
			}
		}
	}
	for send() && len(b.Claimed) > 0 {
		t := b.Claimed[0]
		b.Claim = store.Claim{}
		for seq := uint32(1); seq <= 3; seq++ {
			w := store.Change{Task: t.ID, Token: t.Token, Seq: seq, Saved: store.Saved{Step: "STEP", Data: []byte(`{"n":1}`)}}
			if seq == 3 {
				w = store.Change{Task: t.ID, Token: t.Token, Seq: seq, Kind: store.Complete}
				b.Claim = store.Claim{ID: rand.Text(), Worker: worker, Max: 1}
			}
			b.Changes = []store.Change{w}
			if !send() {
				return
			}
		}
	}
}

// completed checks that every task is completed and that the plan is consistent.
func (r *rollout) completed() {
	r.Helper()
	p, err := r.Plan(r.ctx, r.id)
	r.ok(err)
	if got := p.Counters.Of(task.Completed); got != p.TaskCount {
		r.Errorf("%d of %d tasks are completed: %+v", got, p.TaskCount, p.Counters)
	}
	storetest.Check(r.TB, r.Store, r.id)
}
