package promcutover

import (
	"context"
	"sync/atomic"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/task"
)

// process counts what the engine of this process does. Its hooks are called several times a task,
// so they add to as few counters as possible; the others are computed when they are read.
type process struct {
	began      atomic.Uint64 // executions
	saves      atomic.Uint64
	takeovers  atomic.Uint64
	leasesLost atomic.Uint64
	tasks      [numOutcomes]*histogram
	stops      *histogram
	failures   *labelled
	faults     *labelled
}

// maxOperations is how many operations of the engine have their own series of faults; it has fewer.
const maxOperations = 100

func newProcess(c Config) *process {
	p := &process{stops: newHistogram(c.Histograms, taskBounds()), failures: newLabelled(c.MaxCodes), faults: newLabelled(maxOperations)}
	for i := range p.tasks {
		p.tasks[i] = newHistogram(c.Histograms, taskBounds())
	}
	return p
}

func (p *process) hooks() hook.Hooks {
	return hook.Hooks{
		OnExecuteStart: func(ctx context.Context, _ hook.Execution) context.Context {
			p.began.Add(1)
			return ctx
		},
		OnExecuteEnd: p.end,
		OnSave:       func(task.ID, string, int) { p.saves.Add(1) },
		OnLeaseLost:  func(string, int) { p.leasesLost.Add(1) },
		OnWorkerLost: func(task.ID, string) { p.takeovers.Add(1) },
		OnStoreFault: func(op string, _ error) { p.faults.add(op) },
	}
}

func (p *process) end(_ context.Context, _ hook.Execution, out hook.Outcome) {
	o := outcomeOf(&out)
	p.tasks[o].observe(out.Elapsed, 1)
	if out.Stopping > 0 {
		p.stops.observe(out.Stopping, 1)
	}
	if out.Failure != nil && (o == failed || o == retried || o == rollbackFailed) {
		p.failures.add(out.Failure.ErrorCode)
	}
}

// executions counts them: those that have ended, those of them that were lost, and those under way.
func (p *process) executions() (ended, withoutOutcome, inFlight uint64) {
	for o, h := range p.tasks {
		n := h.total()
		ended += n
		if outcome(o) == lost {
			withoutOutcome = n
		}
	}
	began := p.began.Load() // read last: those that have ended have begun, if hooks are called in pairs
	return ended, withoutOutcome, max(began, ended) - ended
}

// outcome is how an execution ended.
type outcome uint8

const (
	completed outcome = iota
	failed
	retried
	paused
	canceled
	yielded
	held
	proving
	rolledBack
	rollbackFailed
	lost

	numOutcomes = int(lost) + 1
)

//nolint:gochecknoglobals // a constant table
var outcomeNames = [numOutcomes]string{
	"completed", "failed", "retried", "paused", "canceled", "yielded", "held", "proving", "rolled_back", "rollback_failed", "lost",
}

// outcomeOf names an outcome. A task that goes on in the same state was yielded to other workers.
func outcomeOf(out *hook.Outcome) outcome {
	switch {
	case out.Lost:
		return lost
	case out.Wait == task.WaitBackoff && out.State == task.Running:
		return retried
	case out.Wait == task.WaitHold && out.State.InFlight():
		return held
	case out.Wait == task.WaitProving && out.State == task.Running:
		return proving
	}
	switch out.State {
	case task.Completed:
		return completed
	case task.Failed:
		return failed
	case task.Paused:
		return paused
	case task.Canceled, task.Skipped:
		return canceled
	case task.RolledBack:
		return rolledBack
	case task.RollbackFailed:
		return rollbackFailed
	case task.Pending, task.Running, task.RollingBack:
	}
	return yielded
}
