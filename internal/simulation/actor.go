package simulation

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
)

// actor is the executor of a process. Its behaviour follows from the seed, the task and the number
// of earlier runs of the task.
type actor struct {
	w *world
	p *process
}

var errCut = errors.New("the process was cut off")

// Execute implements executor.TaskExecutor.
func (a actor) Execute(ctx context.Context, run *executor.Run) error { return a.act(ctx, run, false) }

// Rollback implements executor.Rollbacker.
func (a actor) Rollback(ctx context.Context, run *executor.Run) error { return a.act(ctx, run, true) }

// Verify implements executor.Verifier.
func (a actor) Verify(ctx context.Context, run *executor.Run) error {
	e, before := a.w.ledger.begin(run, false)
	defer a.w.ledger.end(e)
	if !a.p.alive() {
		return errCut
	}
	if a.w.calm.Load() {
		return nil
	}
	r := a.w.dice("verify", run.ID(), run.Attempt(), before)
	if err := a.pass(ctx, during(r, a.w.temper.Step)); err != nil {
		return err
	}
	return a.outcome(ctx, run, r)
}

func (a actor) act(ctx context.Context, run *executor.Run, undo bool) error {
	e, before := a.w.ledger.begin(run, undo)
	defer a.w.ledger.end(e)
	if !a.p.alive() {
		return errCut
	}
	r := a.w.dice("run", run.ID(), run.Attempt(), undo, before)
	if a.w.calm.Load() {
		return run.Save(ctx, "calm", nil)
	}
	err := a.steps(ctx, run, r, undo)
	if err != nil && r.Float64() >= a.w.temper.Rude {
		return err
	}
	return a.outcome(ctx, run, r)
}

// steps saves a few times, as a well-behaved executor does.
func (a actor) steps(ctx context.Context, run *executor.Run, r *rand.Rand, undo bool) error {
	for i := range r.IntN(4) {
		if err := a.pass(ctx, during(r, a.w.temper.Step)); err != nil {
			return err
		}
		step := fmt.Sprintf("step %d", i)
		if !undo && r.IntN(2) == 0 {
			if err := run.SaveUndo(ctx, step, fmt.Sprintf("token %d", run.Token())); err != nil {
				return err
			}
		}
		run.Progress(executor.Progress{Done: int64(i)})
		if err := run.Save(ctx, step, fmt.Sprintf("token %d, undo %t", run.Token(), undo)); err != nil {
			return err
		}
	}
	return nil
}

// pass waits for d, until the context ends, the process dies or the world is calm.
func (a actor) pass(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-a.w.calmed:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.p.cut:
		return errCut
	}
	if !a.p.alive() {
		return errCut
	}
	return nil
}

// outcome ends a run in one of many ways.
func (a actor) outcome(ctx context.Context, run *executor.Run, r *rand.Rand) error {
	if r.Float64() < a.w.temper.Rude {
		switch r.IntN(4) {
		case 0: // waits until its context ends
			if err := a.pass(ctx, time.Hour); err != nil {
				return err
			}
		case 1: // ignores its context for a while
			_ = a.pass(context.WithoutCancel(ctx), during(r, 3*leaseTTL))
		case 2: // leaves a goroutine behind that saves
			a.w.loose.Go(func() {
				time.Sleep(during(rand.New(rand.NewPCG(a.w.seed, uint64(run.Token()))), time.Second))
				_ = run.Save(context.WithoutCancel(ctx), "late", nil)
			})
		case 3: // saves a checkpoint that is too large, and ignores the error
			_ = run.Save(ctx, "large", strings.Repeat("x", 100<<10))
		}
	}
	if r.Float64() < a.w.temper.Holding {
		return executor.ResumeAfter(during(r, 2*leaseTTL) - leaseTTL/2)
	}
	if r.Float64() >= a.w.temper.Failing {
		return nil
	}
	switch r.IntN(6) {
	case 0:
		panic("what an executor does")
	case 1:
		runtime.Goexit()
	case 2:
		return executor.Retryable("GATEWAY_TIMEOUT", errors.New("gateway timeout"))
	}
	return executor.Fail("BROKEN", errors.New("broken"))
}
