//go:build crash

package crashtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/task"
)

// JourneyType is the executor type of all plans of the suite.
const JourneyType = "JOURNEY"

// journey is an executor that does a number of steps, and the same number in an undo, and records
// everything in the ledger. It never fails, except in the undo of the tenant stubborn.
type journey struct {
	worker   string
	Ledger   *Ledger
	steps    int
	pace     time.Duration // the duration of a step
	stubborn string        // the tenant whose undo fails
	waits    bool          // wait after the first step, and fail in the last step of the first attempt
	// broken reports whether the first attempt of a tenant fails in its last step.
	broken func(tenant string) bool
}

// stamp is the content of a checkpoint: the step of the work or of its undo, and the token of the
// claim that wrote it.
type stamp struct {
	Step  int
	Undo  bool
	Token task.Token
}

// Execute implements executor.TaskExecutor.
func (j *journey) Execute(ctx context.Context, run *executor.Run) error {
	return (&roundTrip{journey: j, run: run}).travel(ctx)
}

// Rollback implements executor.Rollbacker.
func (j *journey) Rollback(ctx context.Context, run *executor.Run) error {
	return (&roundTrip{journey: j, run: run, Undo: true}).travel(ctx)
}

// Verify implements executor.Verifier. It records the run as one that has no step left.
func (j *journey) Verify(ctx context.Context, run *executor.Run) error {
	t := &roundTrip{journey: j, run: run}
	t.Name(ctx)
	t.note(Started, t.steps, "to verify")
	return t.rest(ctx)
}

// roundTrip is one run of a journey.
type roundTrip struct {
	*journey
	run  *executor.Run
	Undo bool
}

// noUndoLog is the note of an undo that finds no undo log.
const noUndoLog = "without an undo log"

func (t *roundTrip) travel(ctx context.Context) error {
	from, err := t.start(ctx)
	if err != nil {
		return err
	}
	for step := from + 1; step <= t.steps; step++ {
		t.note(Effect, step, "")
		if err := t.rest(ctx); err != nil {
			t.note(CtxEnd, step, err.Error())
			return err
		}
		if t.Undo && t.run.Tenant().ID == t.stubborn {
			return executor.Fail("STUBBORN", errors.New("it cannot be undone"))
		}
		if t.waits && !t.Undo && step == t.steps && t.run.Attempt() == 1 {
			return executor.Retryable("AT_FIRST", errors.New("the first attempt fails"))
		}
		if !t.Undo && step == t.steps && t.run.Attempt() == 1 && t.broken(t.run.Tenant().ID) {
			return executor.Fail("BROKEN", errors.New("the tenant is broken"))
		}
		err := t.run.Save(ctx, fmt.Sprintf("S%d", step), stamp{step, t.Undo, t.run.Token()})
		if err == nil || errors.Is(err, executor.ErrStopped) {
			t.note(Saved, step, "")
		}
		if err != nil {
			return t.refuse(ctx, step, err)
		}
		if t.waits && step == 1 {
			return executor.ResumeAfter(ShortWait)
		}
	}
	t.note(Done, t.steps, "")
	return nil
}

// start records the start of the run and returns the step after which to continue. An undo that has
// not saved a checkpoint yet starts at step 0, no matter which step the work has reached. Work that
// starts at step 0 first saves an undo entry.
func (t *roundTrip) start(ctx context.Context) (int, error) {
	var at stamp
	if _, _, err := t.run.Restore(&at); err != nil {
		return 0, err
	}
	t.Name(ctx)
	if at.Undo != t.Undo {
		at = stamp{}
	}
	text := ""
	if t.Undo && len(t.run.UndoLog()) == 0 {
		text = noUndoLog
	}
	t.note(Started, at.Step, text)
	if at.Step > 0 || t.Undo {
		return at.Step, nil
	}
	if err := t.run.SaveUndo(ctx, "S1", stamp{Token: t.run.Token()}); err != nil {
		return 0, t.refuse(ctx, 0, err)
	}
	return 0, nil
}

// Name tells the hook that reports the end of the run which run it is.
func (t *roundTrip) Name(ctx context.Context) {
	if r, ok := ctx.Value(runKey{}).(*runToken); ok {
		r.token = t.run.Token()
	}
}

// rest waits for the duration of a step.
func (t *roundTrip) rest(ctx context.Context) error {
	timer := time.NewTimer(t.pace)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refuse returns err. If the task is lost, refuse first records why the save was refused, and the
// cause with which the context ends.
func (t *roundTrip) refuse(ctx context.Context, step int, err error) error {
	if !errors.Is(err, executor.ErrLost) {
		return err
	}
	t.note(Refused, step, err.Error())
	select {
	case <-ctx.Done():
		t.note(CtxEnd, step, context.Cause(ctx).Error())
	case <-time.After(10 * time.Second):
		t.note(CtxEnd, step, "it did not end")
	}
	return err
}

func (t *roundTrip) note(k kind, step int, text string) {
	t.Ledger.Note(Entry{
		Worker: t.worker, Kind: k, Task: t.run.ID(), Undo: t.Undo,
		Attempt: t.run.Attempt(), Token: t.run.Token(), Step: step, Note: text,
	})
}

// runToken carries the token of a run from the executor to the hook that reports the end of the
// run.
type runToken struct{ token task.Token }

type runKey struct{}

// hooks returns hooks that record in the ledger what the engine reports.
func (j *journey) hooks() hook.Hooks {
	return hook.Hooks{
		OnExecuteStart: func(ctx context.Context, _ hook.Execution) context.Context {
			return context.WithValue(ctx, runKey{}, &runToken{})
		},
		OnExecuteEnd: func(ctx context.Context, x hook.Execution, out hook.Outcome) {
			e := Entry{
				Worker: j.worker, Kind: Ended, Task: x.Task, Undo: x.Rollback,
				Attempt: x.Attempt, Note: out.State.String(),
			}
			if out.Lost {
				e.Note = "lost"
			}
			if r, ok := ctx.Value(runKey{}).(*runToken); ok {
				e.Token = r.token
			}
			j.Ledger.Note(e)
		},
		OnLeaseLost: func(incarnation string, tasks int) {
			j.Ledger.Note(Entry{Worker: j.worker, Kind: LostOne, Step: tasks, Note: incarnation})
		},
		OnStoreFault: func(op string, err error) {
			j.Ledger.Note(Entry{Worker: j.worker, Kind: Fault, Note: op + ": " + err.Error()})
		},
	}
}
