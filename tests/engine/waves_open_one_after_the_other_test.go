package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// diary is an executor that records when it began which task; it fails the tenants in broken.
type diary struct {
	mu     sync.Mutex
	began  map[int]time.Time // by ordinal
	broken []string
	takes  time.Duration
}

func newDiary(broken ...string) *diary { return &diary{began: make(map[int]time.Time), broken: broken} }

// Execute implements executor.TaskExecutor.
func (d *diary) Execute(_ context.Context, run *executor.Run) error {
	d.mu.Lock()
	d.began[run.ID().Ordinal()] = time.Now()
	fails := slices.Contains(d.broken, run.Tenant().ID)
	d.mu.Unlock()
	time.Sleep(d.takes)
	if fails {
		return errors.New("broken")
	}
	return nil
}

// mend makes all tenants succeed from now on.
func (d *diary) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = nil
}

// at returns when a task began first.
func (d *diary) at(ordinal int) time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.began[ordinal]
}

// sized returns a spec of n tenants, t1 and on, with waves of these sizes.
func sized(n int, sizes ...int) plan.Spec {
	s := parallelSpec()
	for i := range n {
		s.Tenants = append(s.Tenants, task.Tenant{ID: fmt.Sprint("t", i+1)})
	}
	for _, size := range sizes {
		s.Strategy.WaveSizes = append(s.Strategy.WaveSizes, strategy.Count(size))
	}
	return s
}

// causes returns the causes of a plan's own events, with the wave if there is one.
func causes(t *testing.T, e *cutover.Engine, id plan.ID) (all []string) {
	t.Helper()
	events, err := e.PlanEvents(t.Context(), id, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		text := ev.Cause
		if ev.Wave > 0 {
			text += fmt.Sprint(" ", ev.Wave)
		}
		all = append(all, text)
	}
	return all
}

// No task of a wave begins before the wave before it has ended and its bake is over; nor does the
// plan end before the last bake. A crash of all engines changes nothing but time.
func TestWavesBakeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		t.Run(fmt.Sprint("crash=", crash), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, x := memstore.New(), newDiary()
				x.takes = time.Second
				c := cutover.Config{Executors: executor.Registry{"X": x}}
				first := startProcess(t, s, c)
				sp := sized(6, 1, 2)
				sp.Strategy.FirstBakeTime, sp.Strategy.BakeTime, sp.Strategy.FinalBakeTime = 2*time.Hour, time.Hour, 30*time.Minute
				began := time.Now()
				id := launch(t, first.Engine, sp)
				e := first.Engine
				if crash {
					time.Sleep(90 * time.Minute)
					first.end(t)
					e = running(t, s, c.Executors)
				}
				p := rests(t, e, id, plan.Completed)
				if p.Wave != 4 || len(p.Waves) != 4 {
					t.Fatalf("wave %d of %+v", p.Wave, p.Waves)
				}
				const slack = 10 * time.Second
				for ordinal, want := range map[int]time.Duration{1: 0, 2: 2 * time.Hour, 3: 2 * time.Hour, 4: 3 * time.Hour, 5: 3 * time.Hour, 6: 4 * time.Hour} {
					if got := x.at(ordinal).Sub(began); got < want || got > want+slack {
						t.Errorf("task %d began after %s, want %s", ordinal, got, want)
					}
				}
				if took := time.Since(began); took < 4*time.Hour+30*time.Minute || took > 4*time.Hour+30*time.Minute+2*slack {
					t.Errorf("took %s", took)
				}
				want := []string{"create", "start", "wave 1", "bake 1", "wave 2", "bake 2", "wave 3", "bake 3", "wave 4", "bake 4", "success"}
				if got := causes(t, e, id); !slices.Equal(got, want) {
					t.Errorf("events %v", got)
				}
			})
		})
	}
}

// A wave that needs an approval waits for it at rest; a rejection pauses the plan, and a resume
// asks again. An approval may be given early.
func TestWavesWaitForApproval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": newDiary()})
		s := sized(4)
		s.Strategy.Waves = []strategy.Wave{{Size: strategy.Count(1)}, {Size: strategy.Count(1), Approval: true}, {Name: "rest", Approval: true}}
		id := launch(t, e, s)
		p := rests(t, e, id, plan.Running)
		if p.Wave != 1 || p.Gate != plan.GateApproval || p.Counters.Of(task.Completed) != 1 {
			t.Fatalf("wave %d, gate %d, %v", p.Wave, p.Gate, p.Counters)
		}
		mustPlan(t)(e.Reject(t.Context(), id, 0, cutover.By("ann"), cutover.Because("not tonight")))
		if p = rests(t, e, id, plan.Paused); p.PauseReasons.String() != "rejected" {
			t.Fatalf("paused for %s", p.PauseReasons)
		}
		if r, err := e.Reject(t.Context(), id, 2); err != nil || !r.Unchanged {
			t.Fatalf("rejected again: unchanged %t, %v", r.Unchanged, err)
		}
		mustPlan(t)(e.Resume(t.Context(), id))
		rests(t, e, id, plan.Running)
		mustPlan(t)(e.Approve(t.Context(), id, 3, cutover.By("bob"))) // early
		if r, err := e.Approve(t.Context(), id, 3); err != nil || !r.Unchanged {
			t.Fatalf("approved again: unchanged %t, %v", r.Unchanged, err)
		}
		rests(t, e, id, plan.Running)
		mustPlan(t)(e.Approve(t.Context(), id, 0))
		rests(t, e, id, plan.Completed)
		if _, err := e.Approve(t.Context(), id, 2); !errors.Is(err, plan.ErrNotApplicable) {
			t.Errorf("approved when all was over: %v", err)
		}
		want := []string{
			"create", "start", "wave 1", "approval 2", "reject 2", "resume", "approval 2", "approve 3", "approve 2", "wave 2",
			"wave 3", "success",
		}
		if got := causes(t, e, id); !slices.Equal(got, want) {
			t.Errorf("events %v, want %v", got, want)
		}
	})
}

// A canary wave stops at its first failure, whatever the plan tolerates; what is mended goes on
// through all waves.
func TestCanaryWaveStopsAtItsFirstFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newDiary("t2")
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := sized(30)
		s.Strategy.Waves = []strategy.Wave{{Name: "canary", Size: strategy.Count(5), Canary: true}, {Size: strategy.Percent(50)}, {}}
		id := launch(t, e, s)
		p := rests(t, e, id, plan.Failed)
		if p.Counters.Of(task.Completed) != 1 || p.Counters.Of(task.Failed) != 1 || p.Counters.Of(task.Pending) != 28 {
			t.Fatalf("%v", p.Counters)
		}
		x.mend()
		mustPlan(t)(e.RetryFailed(t.Context(), id, cutover.FromCheckpoint))
		if p = rests(t, e, id, plan.Completed); p.Counters.Of(task.Completed) != 30 || p.Waves[1].Last != 20 {
			t.Errorf("%v, waves %+v", p.Counters, p.Waves)
		}
	})
}

// A failure in a wave that was passed is judged by that wave's own tolerance.
func TestPassedWavesAreJudgedByTheirOwnTolerance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		x := newDiary("t1", "t2")
		e := running(t, memstore.New(), executor.Registry{"X": x})
		s := sized(4)
		s.Strategy.Waves = []strategy.Wave{{Size: strategy.Count(2), MaxFailures: strategy.Count(0)}, {Approval: true}}
		id := launch(t, e, s)
		rests(t, e, id, plan.Failed)
		mustPlan(t)(e.Resume(t.Context(), id)) // acknowledges the failures of the first wave
		p := rests(t, e, id, plan.Running)
		for p.Counters.Of(task.Failed) < 2 { // the second task of the first wave fails too
			if p.State == plan.Failed {
				mustPlan(t)(e.Resume(t.Context(), id))
			}
			time.Sleep(time.Second)
			p, _ = e.Plan(t.Context(), id)
		}
		rests(t, e, id, plan.Running)
		mustPlan(t)(e.Approve(t.Context(), id, 2))
		p = rests(t, e, id, plan.Completed)
		if p.Waves[0].MaxFailed != 2 || p.Waves[1].MaxFailed != 2 {
			t.Fatalf("waves %+v", p.Waves)
		}
		// One task is retried and succeeds, so that only one failure stays acknowledged.
		x.mend()
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint))
		if p = rests(t, e, id, plan.Completed); p.Waves[0].MaxFailed != 1 {
			t.Errorf("waves %+v", p.Waves)
		}
	})
}

// A task of a passed wave that fails again, above the tolerance of its wave and within that of the
// plan, ends the work on the open wave at once: nothing more of it begins.
func TestALateFailureEndsTheOpenWave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.New(), executor.Registry{"X": executor.Func(func(_ context.Context, run *executor.Run) error {
			if run.Tenant().ID == "t1" {
				time.Sleep(30 * time.Minute)
				return errors.New("broken")
			}
			time.Sleep(time.Hour)
			return nil
		})})
		s := sized(5)
		s.Strategy.MaxConcurrency = strategy.Count(2)
		s.Strategy.Waves = []strategy.Wave{{Size: strategy.Count(1), MaxFailures: strategy.Count(0)}, {}}
		id := launch(t, e, s)
		rests(t, e, id, plan.Failed)
		mustPlan(t)(e.Resume(t.Context(), id)) // t2 and t3 begin
		time.Sleep(30 * time.Minute)
		mustTask(t)(e.RetryTask(t.Context(), task.NewID(id, 1), cutover.FromCheckpoint)) // begins after them, with t4
		p := rests(t, e, id, plan.Failed)
		if c := p.Counters; c.Of(task.Completed) != 3 || c.Of(task.Failed) != 1 || c.Of(task.Pending) != 1 {
			t.Errorf("%v", c)
		}
	})
}

// Windows hold pending tasks back, and open by themselves, also when all engines have died; what
// has begun goes on.
func TestWindowsHoldPendingTasksBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the bubble begins at midnight UTC of Saturday, 2000-01-01
		s, x := memstore.New(), newDiary()
		x.takes = 40 * time.Minute
		c := cutover.Config{Executors: executor.Registry{"X": x}}
		first := startProcess(t, s, c)
		sp := sized(3)
		sp.Strategy.MaxConcurrency = strategy.Count(1)
		sp.Strategy.Windows = nightly("Europe/Berlin", 2, 3)
		began := time.Now()
		id := launch(t, first.Engine, sp)
		time.Sleep(30 * time.Minute)
		first.end(t)
		e := running(t, s, c.Executors)
		rests(t, e, id, plan.Completed)
		for ordinal, want := range map[int]time.Duration{1: time.Hour, 2: time.Hour + 40*time.Minute, 3: 25 * time.Hour} {
			if got := x.at(ordinal).Sub(began); got < want || got > want+10*time.Second {
				t.Errorf("task %d began after %s, want %s", ordinal, got, want)
			}
		}
	})
}

// What has begun goes on outside of the windows: a task that changes its process, and the next
// attempt of one that failed.
func TestWindowsLetWhatHasBegunGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the bubble begins at midnight UTC
		s, ends := memstore.New(), time.Now().Add(5*time.Hour)
		c := cutover.Config{Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			if run.Tenant().ID == "fails" && run.Attempt() == 1 {
				return &executor.Error{Code: "BUSY", Retryable: true, RetryAfter: 3 * time.Hour, Err: errors.New("busy")}
			}
			select {
			case <-ctx.Done():
				return context.Cause(ctx)
			case <-time.After(time.Until(ends)):
				return nil
			}
		})}}
		first := startProcess(t, s, c)
		sp := parallelSpec("moves", "fails")
		sp.Strategy.Windows, sp.Strategy.Retry.Attempts = nightly("UTC", 1, 2), 2
		id := launch(t, first.Engine, sp)
		time.Sleep(3 * time.Hour)
		first.end(t)
		rests(t, running(t, s, c.Executors), id, plan.Completed)
		if late := time.Since(ends); late < 0 || late > 10*time.Second {
			t.Errorf("completed %s late", late)
		}
	})
}

// nightly returns windows that are open from one hour to another, every day in the zone.
func nightly(zone string, from, to int) []window.Window {
	return []window.Window{{Kind: window.Allow, Zone: zone, From: window.TimeOfDay{Hour: from}, To: window.TimeOfDay{Hour: to}}}
}
