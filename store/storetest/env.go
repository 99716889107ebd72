package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// env is the environment of a test case: a store, and the plans that the case created in the store.
type env struct {
	testing.TB
	store.Store
	h   Harness
	ctx context.Context //nolint:containedctx // the test's context, so that cases stay readable

	ids   int       // makes unique ids
	plans []plan.ID // checked at the end
}

func newEnv(t testing.TB, h Harness) *env {
	t.Helper()
	e := &env{TB: t, Store: h.New(t), h: h, ctx: t.Context()}
	t.Cleanup(e.checkAll)
	return e
}

// trim replaces the store with an empty one that keeps at most keep events per plan.
func (e *env) trim(keep int) {
	e.Helper()
	e.Store = e.h.NewTrimming(e.TB, keep)
	e.Cleanup(e.checkAll) // before the harness closes this store
}

// checkAll checks every plan that still exists, once.
func (e *env) checkAll() {
	e.Helper()
	ctx := context.WithoutCancel(e.ctx)
	for _, id := range e.plans {
		if _, err := e.Plan(ctx, id); !errors.Is(err, store.ErrNotFound) {
			check(ctx, e.TB, e.Store, id)
		}
	}
	e.plans = nil
}

// unique returns a new id.
func (e *env) unique(prefix string) string {
	e.ids++
	return fmt.Sprintf("%s-%d", prefix, e.ids)
}

// ok ends the test with a failure if err is not nil.
func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatalf("unexpected error: %v", err)
	}
}

// is fails the test unless err matches want.
func (e *env) is(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Errorf("error %v, want one that matches %q", err, want)
	}
}

// refused fails the test unless a call returned a permanent error.
func (e *env) refused(what string, err error) {
	e.Helper()
	if err == nil || store.Temporary(err) {
		e.Errorf("%s: error %v, want a permanent one", what, err)
	}
}

// equal fails the test unless got equals want.
func equal[V any](e *env, what string, got, want V) {
	e.Helper()
	if !reflect.DeepEqual(got, want) {
		e.Errorf("%s: %v, want %v", what, got, want)
	}
}

// outlast sleeps for longer than a TTL.
func (e *env) outlast(ttl time.Duration) { time.Sleep(ttl + ttl/4) }

// inTime runs a test of something that must not expire before its TTL. If the machine is too slow
// for a conclusive result, test returns false, and inTime runs it again with twice the TTL.
func (e *env) inTime(test func(ttl time.Duration) (shown bool)) {
	e.Helper()
	for ttl := e.h.TTL; ; ttl *= 2 {
		if test(ttl) {
			return
		}
		if ttl > time.Minute {
			e.Fatal("every step took longer than its TTL")
		}
	}
}

// concurrently returns the strategy of a plan that runs n tasks concurrently and tolerates every
// failure.
func concurrently(n int) strategy.Strategy {
	return strategy.Strategy{MaxConcurrency: strategy.Count(n), MaxFailures: strategy.Percent(100)}
}

// tolerating returns the strategy of a plan that runs held tasks concurrently and tolerates as many
// failures as failed says.
func tolerating(held, failed int) strategy.Strategy {
	return strategy.Strategy{MaxConcurrency: strategy.Count(held), MaxFailures: strategy.Count(failed)}
}

// tenants returns n tenants that have only an id, beginning with ordinal first.
func tenants(first, n int) []task.Tenant {
	list := make([]task.Tenant, n)
	for i := range list {
		list[i].ID = tenantOf(first + i)
	}
	return list
}

func tenantOf(ordinal int) string { return fmt.Sprintf("tenant-%d", ordinal) }

// announce returns the input for the creation of a plan of n tasks.
func (e *env) announce(n int, s strategy.Strategy) store.Create {
	return store.Create{
		Plan: plan.Plan{
			Name: "plan", ExecutorType: "EXECUTOR", TaskCount: n, Strategy: s,
			Parameters: map[string]string{"colour": "green"}, Annotations: map[string]string{"ticket": "OPS-7"},
		},
		Mark: e.unique("mark"), Hash: "hash", Actor: "creator", TTL: time.Minute,
	}
}

// create creates a plan of n tasks and does not start it.
func (e *env) create(n int, s strategy.Strategy) *rollout {
	e.Helper()
	c, err := e.BeginCreate(e.ctx, e.announce(n, s))
	e.ok(err)
	e.addAll(c, n)
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
	return &rollout{env: e, id: c.ID}
}

// addAll adds the n tenants of a creation.
func (e *env) addAll(c store.Creation, n int) {
	e.Helper()
	for first := 1; first <= n; first += store.MaxTenants {
		e.ok(e.AddTenants(e.ctx, c, first, tenants(first, min(store.MaxTenants, n+1-first))))
	}
}

// start creates and starts a plan of n tasks.
func (e *env) start(n int, s strategy.Strategy) *rollout {
	e.Helper()
	r := e.create(n, s)
	r.launch()
	return r
}

// by returns the actor and the reason of the suite's commands.
func by() plan.By { return plan.By{Actor: "operator", Reason: "test", Now: time.Now()} }
