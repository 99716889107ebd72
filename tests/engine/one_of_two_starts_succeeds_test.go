package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/redisstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// Of two concurrent starts over the same tenants, in the same or in the opposite order, exactly one
// succeeds, and the error of the other start names the plan that holds the tenants.
func TestTwoStartsAtOnce(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		open          func(t *testing.T) store.Store
		rounds, brief int // brief with -short
	}{
		"memory": {func(*testing.T) store.Store { return memstore.New() }, 50, 10},
		"redis": {func(t *testing.T) store.Store {
			t.Helper()
			s, err := redisstore.Open(t.Context(), redistest.Start(t).Client(), redisstore.Config{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		}, 20, 6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, rounds := tt.open(t), tt.rounds
			if testing.Short() {
				rounds = tt.brief
			}
			rivals := [2]*cutover.Engine{newEngine(t, s, cutover.Config{}), newEngine(t, s, cutover.Config{})}
			tenants := tenantsOf("t", 2000)
			smaller := 0
			for round := range rounds {
				ids := [2]plan.ID{create(t, rivals[0], spec(tenants...))}
				if round%2 == 1 {
					slices.Reverse(tenants)
				}
				ids[1] = create(t, rivals[1], spec(tenants...))
				winner := duel(t, rivals, ids)
				if winner == 0 {
					smaller++
				}
				mustPlan(t)(rivals[0].Cancel(t.Context(), ids[winner]))
			}
			if smaller == 0 {
				t.Error("the plan with the smaller id was never started")
			}
		})
	}
}

// duel starts two plans at the same time and returns the index of the plan that was started.
func duel(t *testing.T, e [2]*cutover.Engine, ids [2]plan.ID) (winner int) {
	t.Helper()
	var errs [2]error
	var both sync.WaitGroup
	for i := range ids {
		both.Go(func() { _, errs[i] = e[i].Start(t.Context(), ids[i]) })
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("plans %v: %v, %v", ids, errs[0], errs[1])
	}
	if errs[0] != nil {
		winner = 1
	}
	var held *store.TenantHeldError
	if !errors.As(errs[1-winner], &held) || len(held.Held) != 100 {
		t.Fatalf("plans %v: %v", ids, errs)
	}
	for _, l := range held.Held {
		if l.Plan != ids[winner] {
			t.Fatalf("plan %s was started, and plan %s is named as the holder of %s", ids[winner], l.Plan, l.Tenant)
		}
	}
	return winner
}

// If one of two starts gives up, the other start succeeds, whichever of the two plans has the
// smaller id.
func TestStartGoesOnAfterARival(t *testing.T) {
	t.Parallel()
	for name, rivalFirst := range map[string]bool{"the rival is smaller": true, "the rival is greater": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				m := intercept(s)
				slow, e := newEngine(t, m, cutover.Config{}), newEngine(t, s, cutover.Config{})
				launch(t, e, spec("held"))
				ids := [2]plan.ID{}
				specs := [2]plan.Spec{spec("a", "b"), spec("b", "c")}
				rival := 1
				if rivalFirst {
					rival = 0
				}
				specs[rival].Tenants = append(specs[rival].Tenants, plan.Tenants("held")...)
				for i := range ids {
					ids[i] = create(t, e, specs[i])
				}
				// The rival acquires its locks, and gives up five seconds later.
				var reserved atomic.Bool
				m.on(func(ctx context.Context, c storetest.Call) error {
					err := c.Do(ctx)
					if c.Method == "Reserve" && reserved.CompareAndSwap(false, true) {
						time.Sleep(5 * time.Second)
					}
					return err
				})
				given := make(chan error, 1)
				go func() {
					_, err := slow.Start(t.Context(), ids[rival])
					given <- err
				}()
				synctest.Wait()
				mustPlan(t)(e.Start(t.Context(), ids[1-rival]))
				if err := <-given; !errors.Is(err, store.ErrTenantHeld) {
					t.Errorf("the rival: %v", err)
				}
			})
		})
	}
}

// A start waits for another start for a limited time, and the end of its caller's context ends the
// wait.
func TestStartWaitsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		m := intercept(s)
		slow, e := newEngine(t, m, cutover.Config{}), newEngine(t, s, cutover.Config{})
		first, second := create(t, e, spec(tenantsOf("t", 1100)...)), create(t, e, spec("t-0"))
		goOn := make(chan struct{})
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Reserve" && c.Locks[0].Tenant == "t-1000" {
				<-goOn
			}
			return c.Do(ctx)
		})
		started := make(chan error, 1)
		go func() {
			_, err := slow.Start(t.Context(), first)
			started <- err
		}()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if _, err := e.Start(ctx, second); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 10050*time.Millisecond {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		began = time.Now()
		_, err := e.Start(t.Context(), second)
		if by := heldBy(t, err); by["t-0"] != first || time.Since(began) > 61*time.Second {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		close(goOn)
		if err := <-started; err != nil {
			t.Error(err)
		}
	})
}
