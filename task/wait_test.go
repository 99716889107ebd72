package task_test

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/task"
)

func reasons() []task.WaitReason {
	return []task.WaitReason{task.NoWait, task.WaitHold, task.WaitBackoff, task.WaitProving, task.WaitPlace}
}

// waits gives a task a wait, and a time that its attempt has taken.
func waits(why task.WaitReason) func(*task.Task) {
	return func(t *task.Task) {
		t.Wait = task.Wait{Why: why, Until: noon().Add(time.Hour)}
		t.Elapsed = time.Minute
	}
}

func waiting(t *task.Task) { t.Waiting = true }

func TestWaitReasonText(t *testing.T) {
	t.Parallel()
	for i, want := range []string{"none", "hold", "backoff", "proving"} {
		r := reasons()[i]
		if r.String() != want {
			t.Errorf("%q, want %q", r, want)
		}
		if got, err := task.ParseWaitReason(want); got != r || err != nil {
			t.Errorf("%q is read as %v, %v", want, got, err)
		}
	}
	if got := (task.WaitPlace + 1).String(); got != "WaitReason(5)" {
		t.Errorf("an unknown reason is %q", got)
	}
	for _, name := range []string{"", "Hold", "hold ", "WaitReason(4)", "HOLD"} {
		if got, err := task.ParseWaitReason(name); err == nil || got != task.NoWait {
			t.Errorf("%q is read as %v, %v", name, got, err)
		}
	}
}

// Wake ends a backoff that no worker has taken up, and nothing else.
func TestWake(t *testing.T) {
	t.Parallel()
	woken := func(e *task.Edit) {
		e.Wait, e.RetriedAt = task.Wait{}, noon()
		e.DropCheckpoint = true // asked for below; but never DropUndo
	}
	tests := map[string]commandCase{
		"in a backoff":            {in(task.Running, waits(task.WaitBackoff), waiting, failure), woken},
		"resumed in a backoff":    {in(task.Running, waits(task.WaitBackoff)), woken},
		"asked to pause":          {in(task.Running, waits(task.WaitBackoff), pauseAsked), woken},
		"held after a backoff":    {task: in(task.Running, waits(task.WaitBackoff), held)},
		"holding":                 {task: in(task.Running, waits(task.WaitHold), waiting)},
		"proving its success":     {task: in(task.Running, waits(task.WaitProving), waiting)},
		"without a wait":          {task: in(task.Running)},
		"an undo that holds":      {task: in(task.RollingBack, waits(task.WaitHold), waiting)},
		"paused during a backoff": {task: in(task.Paused, waits(task.WaitBackoff))},
	}
	for _, s := range states() {
		if s != task.Running {
			tests["with a backoff in "+s.String()] = commandCase{task: in(s, waits(task.WaitBackoff))}
		}
	}
	check(t, task.ByRetry, tests, func(of task.Task) (task.Edit, error) { return of.Wake(task.FromScratch, noon()) })
	if e, err := in(task.Running, waits(task.WaitBackoff)).Wake(task.FromCheckpoint, noon()); err != nil || e.DropCheckpoint {
		t.Errorf("from the checkpoint: %+v, %v", e, err)
	}
}

// What becomes of the wait of a task, and of the time that its attempt has taken, with each
// command.
func TestCommandsOnWaits(t *testing.T) {
	t.Parallel()
	type effect struct{ wait, elapsed bool } // what is kept
	var (
		keeps  = effect{true, true}
		ends   = effect{false, true}
		begins = effect{false, false}
	)
	retry := func(of task.Task) (task.Edit, error) { return of.Retry(task.FromCheckpoint, noon()) }
	scratch := func(of task.Task) (task.Edit, error) { return of.Retry(task.FromScratch, noon()) }
	halt := func(plan task.Stop) func(task.Task) (task.Edit, error) {
		return func(of task.Task) (task.Edit, error) { return of.Halt(plan) }
	}
	lose := func(limit int) func(task.Task) (task.Edit, error) {
		return func(of task.Task) (task.Edit, error) { return of.Lose(limit, noon()), nil }
	}
	stopUndo := func(of task.Task) (task.Edit, error) { return of.StopUndo(noon()) }
	tests := map[string]struct {
		task    task.Task
		command func(task.Task) (task.Edit, error)
		want    effect
	}{
		"pause of what waits":          {in(task.Running, waiting), task.Task.Pause, keeps},
		"pause of what is held":        {in(task.Running, held), task.Task.Pause, keeps},
		"resume":                       {in(task.Paused), task.Task.Resume, keeps},
		"resume that withdraws":        {in(task.Running, held, pauseAsked), task.Task.Resume, keeps},
		"cancel of what waits":         {in(task.Running, waiting), task.Task.Cancel, ends},
		"cancel of what is paused":     {in(task.Paused), task.Task.Cancel, ends},
		"cancel of what is held":       {in(task.Running, held), task.Task.Cancel, keeps}, // its release ends it
		"retry":                        {in(task.Paused), retry, begins},
		"retry from scratch":           {in(task.Paused), scratch, begins},
		"rollback":                     {in(task.Paused), task.Task.Rollback, begins},
		"halt by a paused plan":        {in(task.Running, waiting), halt(task.StopPause), keeps},
		"halt by a pause":              {in(task.Running, pauseAsked), halt(task.Go), keeps},
		"halt by a cancelled plan":     {in(task.Running, waiting), halt(task.StopCancel), ends},
		"halt by a cancel":             {in(task.Running, cancelAsked), halt(task.StopPause), ends},
		"stop of an undo":              {in(task.RollingBack, waiting), stopUndo, ends},
		"loss":                         {in(task.Running, held), lose(3), keeps},
		"loss of an undo":              {in(task.RollingBack, held), lose(3), keeps},
		"loss too many":                {in(task.Running, held), lose(0), ends},
		"loss too many, of an undo":    {in(task.RollingBack, held), lose(0), ends},
		"loss of what is asked to end": {in(task.Running, held, cancelAsked), lose(3), keeps},
	}
	for name, tt := range tests {
		for _, why := range reasons()[1:] {
			of := tt.task
			waits(why)(&of)
			e, err := tt.command(of)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var want task.Control
			if tt.want.wait {
				want.Wait = of.Wait
			}
			if tt.want.elapsed {
				want.Elapsed = of.Elapsed
			}
			if e.Wait != want.Wait || e.Elapsed != want.Elapsed {
				t.Errorf("%s: the %s is %+v after %s, want %+v after %s", name, why, e.Wait, e.Elapsed, want.Wait, want.Elapsed)
			}
		}
	}
}
