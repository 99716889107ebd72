package storetest_test

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestFaultyConformance checks that the wrapper without faults passes the suite.
func TestFaultyConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.Harness{
		New: func(testing.TB) store.Store {
			return storetest.Faulty(memstore.New(), storetest.FaultConfig{})
		},
		Wrap: synctest.Test,
	})
}

// fates joins n leases through a faulty store and returns for each whether the call failed and
// whether it nevertheless took effect.
func fates(t *testing.T, c storetest.FaultConfig, n int) (list []string, f *storetest.FaultyStore) {
	t.Helper()
	inner := memstore.New()
	f = storetest.Faulty(inner, c)
	for i := range n {
		name := string(rune('a' + i%26))
		err := f.Join(t.Context(), name, time.Minute, store.Process{})
		_, lost := inner.Heartbeat(t.Context(), name, time.Minute, nil)
		fate := "fine"
		switch {
		case err != nil && lost != nil:
			fate = "before"
		case err != nil:
			fate = "after"
		}
		if err != nil && (!store.Temporary(err) || !errors.Is(err, storetest.ErrInjected)) {
			t.Fatalf("injected error %v", err)
		}
		if lost == nil {
			if err := inner.Leave(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		list = append(list, fate)
	}
	return list, f
}

func TestFaultySeed(t *testing.T) {
	t.Parallel()
	c := storetest.FaultConfig{Seed: 7, Before: 0.3, After: 0.3}
	first, f := fates(t, c, 200)
	second, _ := fates(t, c, 200)
	if !slices.Equal(first, second) {
		t.Error("the same seed gave other faults")
	}
	count := map[string]int{}
	for _, fate := range first {
		count[fate]++
	}
	if count["fine"] < 50 || count["before"] < 30 || count["after"] < 20 {
		t.Errorf("fates %v", count)
	}
	if n := f.Injected(); n != count["before"]+count["after"] {
		t.Errorf("%d faults counted, there were %v", n, count)
	}
	c.Seed++
	if third, _ := fates(t, c, 200); slices.Equal(first, third) {
		t.Error("another seed gave the same faults")
	}
}

func TestFaultySwitches(t *testing.T) {
	t.Parallel()
	f := storetest.Faulty(memstore.New(), storetest.FaultConfig{Before: 1})
	join := func() error { return f.Join(t.Context(), "me", time.Minute, store.Process{}) }
	if join() == nil {
		t.Error("armed, and no fault")
	}
	f.Disarm()
	if err := join(); err != nil {
		t.Errorf("disarmed: %v", err)
	}
	f.Partition()
	if err := join(); !store.Temporary(err) {
		t.Errorf("cut off: %v", err)
	}
	if err := f.Listen(t.Context(), nil); !store.Temporary(err) {
		t.Errorf("listening while cut off: %v", err)
	}
	f.Heal()
	if err := join(); err != nil {
		t.Errorf("healed: %v", err)
	}
	f.Arm()
	if join() == nil {
		t.Error("armed again, and no fault")
	}
}

func TestFaultyDelay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := storetest.Faulty(memstore.New(), storetest.FaultConfig{Delay: 1, MaxDelay: time.Second})
		began := time.Now()
		if err := f.Join(t.Context(), "me", time.Minute, store.Process{}); err != nil {
			t.Error(err)
		}
		if d := time.Since(began); d == 0 || d > time.Second {
			t.Errorf("a delay of %s", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		if err := f.Join(ctx, "me", time.Minute, store.Process{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call whose time was over: %v", err)
		}
	})
}

// TestFaultyCommit checks that a lost answer leaves the batch as it was.
func TestFaultyCommit(t *testing.T) {
	t.Parallel()
	inner := memstore.New()
	ctx := t.Context()
	c, err := inner.BeginCreate(ctx, store.Create{Mark: "mark", TTL: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if err := inner.FinishCreate(ctx, c); err != nil {
		t.Fatal(err)
	}
	f := storetest.Faulty(inner, storetest.FaultConfig{After: 1})
	b := store.Batch{Plan: c.ID, Changes: []store.Change{{Task: 1}}}
	if err := f.Commit(ctx, &b); !store.Temporary(err) {
		t.Fatalf("commit: %v", err)
	}
	if b.Changes[0].Err != nil || b.View.Version != 0 {
		t.Errorf("the lost answer shows: %+v", b)
	}
	f.Disarm()
	if err := f.Commit(ctx, &b); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(b.Changes[0].Err, store.ErrNotFound) || b.View.Version == 0 {
		t.Errorf("the answer does not show: %+v", b)
	}
}

func TestFaultyHints(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := storetest.Faulty(memstore.New(), storetest.FaultConfig{DropHints: 1})
		ctx, cancel := context.WithCancel(t.Context())
		hints := 0
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := f.Listen(ctx, func(store.Hint) { hints++ }); !errors.Is(err, context.Canceled) {
				t.Errorf("listen: %v", err)
			}
		}()
		synctest.Wait()
		create := func() {
			c, err := f.BeginCreate(ctx, store.Create{Mark: rand.Text(), TTL: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.FinishCreate(ctx, c); err != nil {
				t.Fatal(err)
			}
		}
		create()
		f.Disarm()
		create()
		cancel()
		<-done
		if hints != 1 {
			t.Errorf("%d hints, want the one of two that was not dropped", hints)
		}
	})
}
