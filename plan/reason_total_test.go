package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// What the text says of a failure is possible in the plan's state, and nothing else is.
func TestReasonsNameTheCommandsThatApply(t *testing.T) {
	t.Parallel()
	commands := taskCommands()
	for _, state := range states() {
		for _, of := range []task.State{task.Failed, task.RollbackFailed} {
			if state == plan.Created || state == plan.RollingBack || state == plan.RolledBack {
				continue // there it has not failed yet, or is undone
			}
			p := in(state, counts{of: 1, task.Completed: 1})
			if state == plan.Running || state == plan.Failed {
				p = in(state, counts{of: 1, task.Completed: 1, task.Pending: 1}) // it does not end
			}
			one := task.Task{ID: task.NewID(7, 1), Control: task.Control{State: of, Attempt: 1}}
			_, text, _ := strings.Cut(p.Explain(one).String(), ";")
			for _, name := range []string{"retry", "skip", "cancel", "rollback"} {
				if _, err := commands[name](p, one, ann()); strings.Contains(text, "a "+name) != (err == nil) {
					t.Errorf("%s in %s: %q, and %s answers %v", of, state, text, name, err)
				}
			}
		}
	}
}

// The reasons that need more than the plan and the task, and what is only known from events.
func TestReasonsOfEngines(t *testing.T) {
	t.Parallel()
	by := plan.Reason{Actor: "ann", Because: "gateway is slow", At: noon()}
	with := func(c plan.ReasonCode, change func(*plan.Reason)) plan.Reason {
		r := by
		r.Code = c
		change(&r)
		return r
	}
	for _, tt := range []struct {
		reason       plan.Reason
		text, params string
	}{
		{
			plan.Reason{Code: plan.ReasonTenantHeld, Holder: task.NewID(9, 4), HolderState: plan.Running},
			"Plan 9, which is RUNNING, works on the tenant.", "map[planId:9 planState:RUNNING taskId:9000004]",
		},
		{plan.Reason{Code: plan.ReasonTenantHeld}, "Another plan works on the tenant.", "map[]"},
		{
			plan.Reason{Code: plan.ReasonWorkerLost, Worker: "w1", Attempt: 2, ChangedAt: noon()},
			"The lease of worker w1, which runs attempt 2 of it, is over; an engine takes the task from it (its last change was at 2026-03-01T12:00:00Z).",
			"map[attempt:2 changedAt:2026-03-01 12:00:00 +0000 UTC worker:w1]",
		},
		{
			plan.Reason{Code: plan.ReasonExecutorNotHere, ExecutorType: "X"},
			"Nothing holds it back, but this process does not have the executor X; whether another one has is not known.", "map[executorType:X]",
		},
		{
			plan.Reason{Code: plan.ReasonNoExecutor, ExecutorType: "X"},
			"Nothing holds it back, but no process that works on tasks has the executor X.", "map[executorType:X]",
		},
		{
			plan.Reason{Code: plan.ReasonQuota, Quota: "shard", QuotaValue: "eu 7", QuotaMax: 2, QuotaHolders: []task.ID{1000002, 3000001}},
			`The quota of 2 for "shard" = "eu 7" is full; in flight: 1000002, 3000001.`, "map[holders:[1000002 3000001] label:shard max:2 value:eu 7]",
		},
		{
			plan.Reason{Code: plan.ReasonQuota, Quota: "shard", QuotaMax: 1},
			`The quota of 1 for "shard" = "" is full.`, "map[holders:[] label:shard max:1 value:]",
		},
		{
			with(plan.ReasonPlanPaused, func(r *plan.Reason) { r.PauseReasons = plan.PausedByHand }),
			`The plan is paused (hand) by ann at 2026-03-01T12:00:00Z ("gateway is slow"); a resume continues it.`,
			"map[actor:ann at:2026-03-01 12:00:00 +0000 UTC pauseReasons:[hand] reason:gateway is slow]",
		},
		{plan.Reason{Code: plan.ReasonCode(plan.NumReasons)}, fmt.Sprintf("ReasonCode(%d)", plan.NumReasons), "map[]"},
	} {
		if got := tt.reason.String(); got != tt.text {
			t.Errorf("says %q\nwant %q", got, tt.text)
		}
		if got := fmt.Sprint(tt.reason.Params()); got != tt.params {
			t.Errorf("%s: %s\nwant %s", tt.reason.Code, got, tt.params)
		}
	}
}

// Every plan and every task has a reason, also those that contradict each other because one of them
// changed between the two reads; no sentence has a verb of package fmt left over.
func TestExplainIsTotal(t *testing.T) {
	t.Parallel()
	seen := make(map[plan.ReasonCode]int)
	for s := range plan.NumStates {
		for state := range task.NumStates {
			for _, change := range []func(*plan.Plan){func(*plan.Plan) {}, openedWave(2, plan.GateApproval), atNight, breached, retrySweep, undosExhausted, undosStopping} {
				for _, worker := range []string{"", "w1"} {
					p := in(plan.State(s), counts{task.State(state): 4}, change)
					r := p.Explain(of(task.State(state), heldBy(worker)))
					if text := r.String(); strings.Contains(text, "%!") || !strings.HasSuffix(text, ".") || int(r.Code) >= plan.NumReasons {
						t.Errorf("%s in %s: %s", task.State(state), plan.State(s), text)
					}
					seen[r.Code]++
				}
			}
		}
	}
	if len(seen) < 15 {
		t.Errorf("only %v", slices.Sorted(maps.Keys(seen)))
	}
}
