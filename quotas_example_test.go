package cutover_test

import (
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Five tenants of each database shard at once, at most, whichever plans they belong to. A quota
// without a label and a maximum is refused, by both of its faults.
func Example_quotas() {
	spec := plan.Spec{
		Name: "move to the new gateway", ExecutorType: "MOVE",
		Tenants: []task.Tenant{
			{ID: "acme", Labels: map[string]string{"shard": "eu-1"}},
			{ID: "initech", Labels: map[string]string{"shard": "eu-2"}},
		},
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Count(50),
			Quotas:         []strategy.Quota{{Label: "shard", Max: 5}, {Label: "", Max: 0}},
		},
	}
	fmt.Println(spec.Validate())
	// Output:
	// plan: invalid, 2 faults; Strategy.Quotas[1].Label: is empty; Strategy.Quotas[1].Max: 0 is not from 1 to 1000
}
