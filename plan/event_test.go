package plan_test

import (
	"fmt"
	"reflect"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// recorded writes events in short: the plan or task, cause, from, to, actor.
func recorded(events []plan.Event) []string {
	lines := []string{}
	for _, e := range events {
		subject := "plan"
		if e.Task != 0 {
			subject = fmt.Sprintf("task %d.%d", e.Task.Ordinal(), e.Attempt)
		}
		line := fmt.Sprintf("%s %s: %s to %s", subject, e.Cause, e.From, e.To)
		if e.Actor != "" {
			line += fmt.Sprintf(" by %s, %s", e.Actor, e.Reason)
		}
		lines = append(lines, line)
	}
	return lines
}

// checkTold compares the recorded events.
func checkTold(t *testing.T, events []plan.Event, want []string) {
	t.Helper()
	if got := recorded(events); !reflect.DeepEqual(got, want) {
		t.Errorf("events %q\nwant   %q", got, want)
	}
}

func TestEventsOfPlanCommands(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		plan    plan.Plan
		command string
		want    []string
	}{
		"start": {
			in(plan.Created, counts{task.Pending: 4}, markedStarting), "start",
			[]string{"plan start: CREATED to RUNNING by ann, window"},
		},
		"pause": {
			in(plan.Running, counts{task.Pending: 4}), "pause",
			[]string{"plan pause: RUNNING to PAUSED by ann, window"},
		},
		"pause adds a reason": {
			in(plan.Paused, counts{task.Pending: 4}, pausedByBreach), "pause",
			[]string{"plan pause: PAUSED to PAUSED by ann, window"},
		},
		"resume": {
			in(plan.Paused, counts{task.Pending: 4}), "resume",
			[]string{"plan resume: PAUSED to RUNNING by ann, window"},
		},
		"cancel": {
			in(plan.Running, counts{task.Pending: 4}), "cancel",
			[]string{"plan cancel: RUNNING to CANCELLED by ann, window"},
		},
		"cancel of a rollback": {
			in(plan.RollingBack, counts{task.Completed: 4}), "cancel",
			[]string{"plan cancel: ROLLING_BACK to ROLLBACK_FAILED by ann, window"},
		},
		"rollback": {
			in(plan.Completed, counts{task.Completed: 4}), "rollback",
			[]string{"plan rollback: COMPLETED to ROLLING_BACK by ann, window"},
		},
		"retry of all, running": {
			in(plan.Running, counts{task.Failed: 1, task.Pending: 4}), "retry",
			[]string{"plan retry: RUNNING to RUNNING by ann, window"},
		},
		"retry of all, completed": {
			in(plan.Completed, counts{task.Failed: 1, task.Completed: 4}), "retry",
			[]string{"plan retry: COMPLETED to RUNNING by ann, window"},
		},
		"unchanged": {
			in(plan.Running, counts{task.Pending: 4}), "resume", []string{},
		},
		// The events of the steps that were due come first, and name no actor.
		"resume after a breach": {
			in(plan.Running, counts{task.Failed: 6, task.Pending: 4}, breached), "resume",
			[]string{"plan breach: RUNNING to FAILED", "plan resume: FAILED to RUNNING by ann, window"},
		},
		"not applicable after a breach": {
			in(plan.Running, counts{task.Failed: 6, task.Pending: 4}, breached), "pause",
			[]string{"plan breach: RUNNING to FAILED"},
		},
		"rollback of what has just ended": {
			in(plan.Running, counts{task.Completed: 4}), "rollback",
			[]string{"plan success: RUNNING to COMPLETED", "plan rollback: COMPLETED to ROLLING_BACK by ann, window"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, _ := planCommands()[tt.command](tt.plan, ann())
			checkTold(t, d.Events, tt.want)
		})
	}
}

func TestEventsOfTaskCommands(t *testing.T) {
	t.Parallel()
	of := func(s task.State, worker string, request task.Request) situation {
		return situation{control: task.Control{State: s, Attempt: 2, Request: request}, worker: worker}
	}
	tests := map[string]struct {
		task    situation
		plan    plan.State
		command string
		want    []string
	}{
		"retry": {
			of(task.Failed, "", 0), plan.Running, "retry",
			[]string{"task 1.3 retry: FAILED to RUNNING by ann, window"},
		},
		"retry in a failed plan": {
			of(task.Failed, "", 0), plan.Failed, "retry",
			[]string{
				"task 1.3 retry: FAILED to RUNNING by ann, window",
				"plan retry: FAILED to RUNNING by ann, window",
			},
		},
		"pause asked": {
			of(task.Running, "w1", 0), plan.Running, "pause",
			[]string{"task 1.2 pause: RUNNING to RUNNING by ann, window"},
		},
		"pause withdrawn": {
			of(task.Running, "w1", task.PauseRequest), plan.Running, "resume",
			[]string{"task 1.2 resume: RUNNING to RUNNING by ann, window"},
		},
		"pause at once": {
			of(task.Running, "", 0), plan.Running, "pause",
			[]string{"task 1.2 pause: RUNNING to PAUSED by ann, window"},
		},
		"paused alone as well": {
			of(task.Paused, "", 0), plan.Paused, "pause",
			[]string{"task 1.2 pause: PAUSED to PAUSED by ann, window"},
		},
		"cancel": {
			of(task.Paused, "", 0), plan.Running, "cancel",
			[]string{"task 1.2 cancel: PAUSED to CANCELLED by ann, window"},
		},
		"skip": {
			of(task.Failed, "", 0), plan.Failed, "skip",
			[]string{"task 1.2 skip: FAILED to SKIPPED by ann, window"},
		},
		"rollback": {
			of(task.Completed, "", 0), plan.Completed, "rollback",
			[]string{"task 1.2 rollback: COMPLETED to ROLLING_BACK by ann, window"},
		},
		"not applicable": {of(task.Completed, "", 0), plan.Completed, "retry", []string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, before := tt.task.place(tt.plan)
			d, _ := taskCommands()[tt.command](p, before, ann())
			checkTold(t, d.Events, tt.want)
		})
	}
}

func TestEventsOfTheLastSkip(t *testing.T) {
	t.Parallel()
	p := in(plan.RollbackFailed, counts{task.RollbackFailed: 1, task.RolledBack: 3})
	d, err := p.SkipTask(undoing(task.RollbackFailed), ann())
	if err != nil {
		t.Fatal(err)
	}
	checkTold(t, d.Events, []string{
		"task 1.1 skip: ROLLBACK_FAILED to SKIPPED by ann, window",
		"plan skip: ROLLBACK_FAILED to ROLLED_BACK by ann, window",
	})
}

// The event of a failure records the Failure. The events of a breach, and of a command that removes
// a failure, do not.
func TestEventsHaveFailures(t *testing.T) {
	t.Parallel()
	p := in(plan.Running, counts{task.Running: 1, task.Pending: 3}, held(1), tolerates(0))
	d := p.LoseTasks(lost(task.Running, 3), 3, plan.By{Now: noon()})
	checkTold(t, d.Events, []string{"task 1.2 failure: RUNNING to FAILED", "plan breach: RUNNING to FAILED"})
	if f := d.Events[0].Failure; f == nil || f.ErrorCode != task.CodeWorkerLost || d.Events[1].Failure != nil {
		t.Errorf("failures %+v and %+v", f, d.Events[1].Failure)
	}

	broken := failing()
	broken.Failure = &task.FailureInfo{ErrorCode: "BROKEN"}
	for _, name := range []string{"retry", "skip", "cancel", "rollback"} {
		p := in(plan.Running, counts{task.Failed: 1, task.Pending: 3})
		d, err := taskCommands()[name](p, broken, ann())
		if err != nil || len(d.Events) != 1 || d.Events[0].Failure != nil {
			t.Errorf("%s: events %+v, %v", name, d.Events, err)
		}
	}
}
