package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// If the tasks that a process holds in a plan cannot be read, the process keeps its lease, no task
// of that plan or of another plan is interrupted, and the fault is reported.
func TestDamagedPlanBesideOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		l := &ledger{steps: 100}
		var lost, faults atomic.Int64
		e := startProcess(t, m, cutover.Config{
			Executors: executor.Registry{"X": l},
			Hooks: hook.Hooks{
				OnLeaseLost: func(string, int) { lost.Add(1) },
				OnStoreFault: func(_ string, err error) {
					if errors.Is(err, store.ErrCorrupt) {
						faults.Add(1)
					}
				},
			},
		})
		damaged, sound := launch(t, e.Engine, parallelSpec("a", "b")), launch(t, e.Engine, parallelSpec("c", "d"))
		m.on(func(ctx context.Context, c storetest.Call) error {
			if err := c.Do(ctx); err != nil || c.Method != "Heartbeat" {
				return err
			}
			return &store.HeartbeatError{Faults: map[plan.ID]error{damaged: &store.CorruptError{Key: "held"}}}
		})
		rests(t, e.Engine, sound, plan.Completed)
		rests(t, e.Engine, damaged, plan.Completed)
		if n, all := len(l.interruptions()), l.total(); lost.Load() > 0 || n > 0 || all != 400 {
			t.Errorf("%d leases lost, %d runs interrupted, %d effects of 400", lost.Load(), n, all)
		}
		if faults.Load() == 0 {
			t.Error("nobody was told")
		}
	})
}
