package wire_test

import (
	"slices"
	"testing"

	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
)

// What is resumed or retried in a plan that stays stopped waits for the plan.
func TestReachWaitsForTheResume(t *testing.T) {
	t.Parallel()
	both := []plan.SweepKind{plan.SweepRetry, plan.SweepResumeTasks}
	for state, waits := range map[plan.State][]plan.SweepKind{
		plan.Running: nil, plan.Paused: both, plan.Failed: {plan.SweepResumeTasks}, plan.Completed: nil,
	} {
		p := plan.Plan{Control: plan.Control{State: state}}
		for k := range plan.NumSweepKinds {
			kind := plan.SweepKind(k)
			got := wire.ReachOf(&p, kind, &plan.Reach{Matched: 1, Changing: 1}, 0).WaitsFor
			if want := slices.Contains(waits, kind); slices.Contains(got, wire.WaitsForResume) != want || !want && len(got) > 0 {
				t.Errorf("%s in %s waits for %v", kind, state, got)
			}
		}
	}
}
