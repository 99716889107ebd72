package tenantlock

import (
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// taskOf returns a task of plan 1 with the given state, attempt and version. Its token depends on
// the version.
func taskOf(s task.State, attempt, version int) task.Task {
	t := task.Task{ID: task.NewID(1, 2), Tenant: task.Tenant{ID: "t"}}
	t.State, t.Attempt, t.Version, t.Token = s, attempt, uint64(version), task.Token(100+version)
	return t
}

// The holds of a tenant by one task have different values, so that a process that found one hold
// stale does not release another.
func TestEachHoldHasItsOwnValue(t *testing.T) {
	t.Parallel()
	p := plan.Plan{ID: 1, Control: plan.Control{StartToken: 7}}
	holds := map[string]store.TenantLock{
		"first attempt":  RunLock(Owner{Plan: 1, Start: 7, Created: 9}, taskOf(task.Running, 1, 1)),
		"retry decided":  intentLock(p, taskOf(task.Failed, 1, 2)),
		"decided anew":   intentLock(p, taskOf(task.Failed, 1, 3)),
		"second attempt": RunLock(Owner{Plan: 1, Start: 7, Created: 9}, taskOf(task.Running, 2, 4)),
		"claimed again":  RunLock(Owner{Plan: 1, Start: 7, Created: 9}, taskOf(task.Running, 2, 5)),
		"undo":           RunLock(Owner{Plan: 1, Start: 7, Created: 9}, taskOf(task.RollingBack, 1, 6)),
		"another start":  RunLock(Owner{Plan: 1, Start: 8, Created: 9}, taskOf(task.Running, 1, 1)),
	}
	seen := make(map[store.TenantLock]string)
	for name, l := range holds {
		if other, twice := seen[l]; twice {
			t.Errorf("%s has the value of %s: %+v", name, other, l)
		}
		seen[l] = name
	}
	if start := startLocks(1, 7, 2, []string{"t"})[0]; holds["first attempt"] != start {
		t.Errorf("a first attempt runs under %+v, the start locked %+v", holds["first attempt"], start)
	}
}

func TestPhasesAreKnownApart(t *testing.T) {
	t.Parallel()
	p := plan.Plan{ID: 1, Control: plan.Control{StartToken: 7}}
	for version := range 5 {
		if l := intentLock(p, taskOf(task.Failed, 1, version<<29)); !isIntent(l.Phase) || isOfRun(l.Phase) {
			t.Errorf("%+v is no intent", l)
		}
		if l := RunLock(Owner{Plan: 1, Start: 7, Created: 9}, taskOf(task.Running, 2, version<<29)); isIntent(l.Phase) || !isOfRun(l.Phase) {
			t.Errorf("%+v is no lock of a run", l)
		}
	}
	if isIntent(startPhase) || !isOfRun(startPhase) {
		t.Error("the lock of a start is not one that a first attempt runs under")
	}
}

func TestLocksOfTasksThatNeedNone(t *testing.T) {
	t.Parallel()
	started := plan.Plan{ID: 1, Control: plan.Control{StartToken: 7}}
	held := taskOf(task.Completed, 1, 1)
	held.Worker = "w"
	for name, tt := range map[string]struct {
		plan plan.Plan
		task task.Task
		want int
	}{
		"completed":         {started, taskOf(task.Completed, 2, 1), 2},
		"with a worker yet": {started, held, 0},
		"failed":            {started, taskOf(task.Failed, 1, 1), 0},
		"never started":     {plan.Plan{ID: 1}, taskOf(task.Canceled, 0, 1), 0},
	} {
		got := Locks(tt.plan, tt.task)
		if len(got) != tt.want {
			t.Errorf("%s: %+v", name, got)
		}
		if tt.want > 0 && (got[0] != startLocks(1, 7, 2, []string{"t"})[0] || got[1] != RunLock(Owner{Plan: 1, Start: 7, Created: 9}, tt.task)) {
			t.Errorf("%s: %+v, want those of the start and of the run", name, got)
		}
	}
}
