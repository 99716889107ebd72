package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// late returns a store in which the first call of op takes the time by, half of it before the call
// takes effect and half after.
func late(op string, by time.Duration) *interceptedStore {
	m := intercept(memstore.New())
	var calls atomic.Int64
	m.on(func(ctx context.Context, c storetest.Call) error {
		if c.Method != op || calls.Add(1) > 1 {
			return c.Do(ctx)
		}
		time.Sleep(by / 2)
		err := c.Do(ctx)
		time.Sleep(by / 2)
		return err
	})
	return m
}

// If most of a lease is over when a process receives the answer to its Join, the process renews the
// lease immediately and does not lose it.
func TestLeaseToldOfLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &ledger{steps: 60}
		var lost atomic.Int64
		e := startProcess(t, late("Join", 29*time.Second), cutover.Config{
			Executors: executor.Registry{"X": l}, Hooks: hook.Hooks{OnLeaseLost: func(string, int) { lost.Add(1) }},
		})
		rests(t, e.Engine, launch(t, e.Engine, parallelSpec("a", "b")), plan.Completed)
		if lost.Load() > 0 || l.repeats() > 0 {
			t.Errorf("%d leases lost, %d effects repeated", lost.Load(), l.repeats())
		}
	})
}

// A lease that has ended for the process stays over, even if the answer to its renewal arrives
// later: a run that was marked lost stays lost, and another run completes its task.
func TestLateAnswerToARenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		var beats, runs atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Heartbeat" && beats.Add(1) == 1 {
				time.Sleep(22 * time.Second) // sent after 10 s, answered after 32 s
			}
			return err
		})
		slow := executor.Func(func(ctx context.Context, run *executor.Run) error {
			if runs.Add(1) > 1 {
				return nil
			}
			time.Sleep(31 * time.Second) // after the end of the lease
			err := run.Save(ctx, "S", nil)
			time.Sleep(5 * time.Second) // the executor cleans up
			return err
		})
		e := startProcess(t, m, cutover.Config{Executors: executor.Registry{"X": slow}})
		rests(t, e.Engine, launch(t, e.Engine, spec("a")), plan.Completed)
	})
}

// TestHangingHeartbeatIsReported: a heartbeat that is not answered before the end of the lease
// costs the lease and is reported to the host as a store fault.
func TestHangingHeartbeatIsReported(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		m.on(func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Heartbeat" {
				<-ctx.Done()
				return ctx.Err()
			}
			return c.Do(ctx)
		})
		var faults, lost atomic.Int64
		e := newEngine(t, m, cutover.Config{Hooks: hook.Hooks{
			OnStoreFault: func(op string, _ error) {
				if op == "heartbeat" {
					faults.Add(1)
				}
			},
			OnLeaseLost: func(string, int) { lost.Add(1) },
		}})
		runEngine(t, e)
		time.Sleep(5 * time.Minute)
		if lost.Load() == 0 || faults.Load() < lost.Load() {
			t.Errorf("%d leases lost, %d faults of heartbeats", lost.Load(), faults.Load())
		}
	})
}
