package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// A heartbeat that renewed the lease but whose answer is lost does no harm.
func TestLostHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := intercept(memstore.New())
		l := &ledger{steps: 120}
		e := running(t, m, executor.Registry{"X": l})
		id := launch(t, e, parallelSpec("a", "b"))
		var n atomic.Int64
		m.on(func(ctx context.Context, c storetest.Call) error {
			err := c.Do(ctx)
			if c.Method == "Heartbeat" && n.Add(1)%3 != 0 {
				return errAway
			}
			return err
		})
		rests(t, e, id, plan.Completed)
		if n := l.repeats(); n > 0 {
			t.Errorf("%d effects repeated", n)
		}
	})
}

// A task that kills its worker every time eventually fails; a task that saves between the crashes
// does not.
func TestLostTooOften(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		maxLosses int
		saves     bool
		crashes   int
		want      task.State
	}{
		"default":          {0, false, 4, task.Failed},
		"one less":         {0, false, 3, task.Running},
		"none tolerated":   {-1, false, 1, task.Failed},
		"one tolerated":    {1, false, 2, task.Failed},
		"with checkpoints": {0, true, 8, task.Running},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := memstore.New()
				x := executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
					n := 0
					if _, _, err := run.Restore(&n); err != nil {
						return err
					}
					if tt.saves {
						if err := run.Save(ctx, "step", n+1); err != nil {
							return err
						}
					}
					<-ctx.Done()
					return context.Cause(ctx)
				})}
				c := cutover.Config{Executors: x, MaxLosses: tt.maxLosses}
				e := newEngine(t, s, c)
				id := launch(t, e, spec("a"))
				for range tt.crashes {
					m := intercept(s)
					startProcess(t, m, c)
					time.Sleep(10 * time.Second)
					m.away() // the process dies
					time.Sleep(time.Minute)
				}
				startProcess(t, s, c)
				time.Sleep(time.Minute)
				tk := taskOf(t, e, id, 1)
				if tk.State != tt.want || tk.Attempt != 1 {
					t.Fatalf("%+v", tk.Control)
				}
				if tt.want == task.Failed {
					ends(t, e, id, 1, task.Failed, task.CodeWorkerLost)
				}
				if tt.saves && string(tk.Checkpoint.Data) != fmt.Sprint(tt.crashes+1) {
					t.Errorf("checkpoint %s", tk.Checkpoint.Data)
				}
			})
		})
	}
}

// damagedTask is a store in which one task cannot be read.
type damagedTask struct {
	*interceptedStore
	id task.ID
}

func (d damagedTask) Task(ctx context.Context, id task.ID) (task.Task, error) {
	if id == d.id {
		return task.Task{}, &store.CorruptError{Key: id.String(), Reason: "damaged"}
	}
	return d.interceptedStore.Task(ctx, id)
}

func (d damagedTask) TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error) {
	whole := slices.DeleteFunc(slices.Clone(ordinals), func(o int) bool { return task.NewID(id, o) == d.id })
	tasks, err := d.interceptedStore.TasksAt(ctx, id, whole)
	if len(whole) < len(ordinals) {
		err = errors.Join(err, &store.CorruptError{Key: d.id.String(), Reason: "damaged"})
	}
	return tasks, err
}

// The tasks of a dead worker are not read one by one. If one task cannot be read, the others are
// nevertheless taken over.
func TestLostTasksAreReadTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		cut := intercept(s)
		c := cutover.Config{Capacity: 100, Executors: executor.Registry{"X": executor.Func(untilInterrupted)}}
		dead := startProcess(t, cut, c)
		id := launch(t, dead.Engine, parallelSpec(tenantsOf("t", 100)...))
		time.Sleep(time.Second)
		cut.away()
		m := intercept(s)
		var calls sync.Map
		m.on(func(ctx context.Context, c storetest.Call) error {
			n, _ := calls.LoadOrStore(c.Method, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
			return c.Do(ctx)
		})
		c.Executors = executor.Registry{"X": executor.Func(succeed)}
		e := newEngine(t, damagedTask{m, task.NewID(id, 7)}, c)
		runEngine(t, e)
		time.Sleep(50 * time.Second)
		p, err := e.Plan(t.Context(), id)
		if err != nil || p.Counters.Of(task.Completed) != 99 || p.Counters.Of(task.Running) != 1 {
			t.Errorf("%v, %v", p.Counters, err)
		}
		if n, asked := calls.Load("Task"); asked {
			t.Errorf("tasks were read one by one, %d times", n.(*atomic.Int64).Load())
		}
	})
}
