//go:build crash

package crash

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// journeyType is the executor type of all plans here.
const journeyType = "JOURNEY"

// journey goes through steps and notes everything. It never fails.
type journey struct {
	worker string
	ledger *ledger
	steps  int
	pace   time.Duration // each step takes this long
}

// stamp is what a checkpoint holds: the step, and the token that wrote it.
type stamp struct {
	Step  int
	Token task.Token
}

// Execute implements executor.TaskExecutor.
func (j *journey) Execute(ctx context.Context, run *executor.Run) error {
	var at stamp
	if _, _, err := run.Restore(&at); err != nil {
		return err
	}
	if r, ok := ctx.Value(runKey{}).(*runToken); ok {
		r.token = run.Token()
	}
	j.note(run, started, at.Step, "")
	if at.Step == 0 {
		if err := run.SaveUndo(ctx, "S1", stamp{Token: run.Token()}); err != nil {
			return j.refuse(ctx, run, 0, err)
		}
	}
	for step := at.Step + 1; step <= j.steps; step++ {
		j.note(run, effect, step, "")
		if err := j.rest(ctx); err != nil {
			j.note(run, ctxEnd, step, err.Error())
			return err
		}
		err := run.Save(ctx, fmt.Sprintf("S%d", step), stamp{step, run.Token()})
		if err == nil || errors.Is(err, executor.ErrStopped) {
			j.note(run, saved, step, "")
		}
		if err != nil {
			return j.refuse(ctx, run, step, err)
		}
	}
	j.note(run, done, j.steps, "")
	return nil
}

// rest takes the time that a step takes.
func (j *journey) rest(ctx context.Context) error {
	timer := time.NewTimer(j.pace)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// refuse notes why a save was not acknowledged and, if the task is lost, with what
// cause the context ends.
func (j *journey) refuse(ctx context.Context, run *executor.Run, step int, err error) error {
	if !errors.Is(err, executor.ErrLost) {
		return err
	}
	j.note(run, refused, step, err.Error())
	select {
	case <-ctx.Done():
		j.note(run, ctxEnd, step, context.Cause(ctx).Error())
	case <-time.After(10 * time.Second):
		j.note(run, ctxEnd, step, "it did not end")
	}
	return err
}

func (j *journey) note(run *executor.Run, k kind, step int, text string) {
	j.ledger.note(entry{
		Worker: j.worker, Kind: k, Task: run.ID(), Attempt: run.Attempt(), Token: run.Token(), Step: step, Note: text,
	})
}

// runToken carries a run's token from the executor to the hook that tells its end.
type runToken struct{ token task.Token }

type runKey struct{}

// hooks note what the engine tells.
func (j *journey) hooks() cutover.Hooks {
	return cutover.Hooks{
		ExecuteStart: func(ctx context.Context, _ cutover.Execution) context.Context {
			return context.WithValue(ctx, runKey{}, &runToken{})
		},
		ExecuteEnd: func(ctx context.Context, x cutover.Execution, out cutover.Outcome) {
			e := entry{Worker: j.worker, Kind: ended, Task: x.Task, Attempt: x.Attempt, Note: out.State.String()}
			if out.Lost {
				e.Note = "lost"
			}
			if r, ok := ctx.Value(runKey{}).(*runToken); ok {
				e.Token = r.token
			}
			j.ledger.note(e)
		},
		LeaseLost: func(incarnation string, tasks int) {
			j.ledger.note(entry{Worker: j.worker, Kind: lostOne, Step: tasks, Note: incarnation})
		},
		StoreFault: func(op string, err error) {
			j.ledger.note(entry{Worker: j.worker, Kind: fault, Note: op + ": " + err.Error()})
		},
	}
}
