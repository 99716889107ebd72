package plan_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Three thousand tenants, fifty at a time, with up to 1% of failures.
func ExampleSpec() {
	tenants := make([]task.Tenant, 3000)
	for i := range tenants {
		tenants[i].ID = fmt.Sprintf("tenant-%04d", i+1)
	}
	spec := plan.Spec{
		Name:         "blue-green switch",
		ExecutorType: "BLUE_GREEN_SWITCH",
		Tenants:      tenants,
		Parameters:   map[string]string{"target": "green"},
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Count(50),
			MaxFailures:    strategy.Percent(1),
		},
	}
	fmt.Println(spec.Validate())
	fmt.Println(spec.Strategy.Warnings(len(tenants)))
	// Output:
	// <nil>
	// []
}

// The error for an invalid spec names every fault.
func ExampleSpec_Validate() {
	spec := plan.Spec{
		Name:    "blue-green switch",
		Tenants: plan.Tenants("acme", "globex", "acme"),
	}
	var invalid *plan.InvalidError
	if errors.As(spec.Validate(), &invalid) {
		for _, fault := range invalid.Faults {
			fmt.Printf("%s: %s\n", fault.Field, fault.Problem)
		}
	}
	// Output:
	// ExecutorType: is empty
	// Tenants[2]: tenant "acme" is already Tenants[0]
}

// A command decides; nothing changes until a store has committed the decision.
func ExamplePlan_Pause() {
	running := plan.Plan{ID: 42, TaskCount: 3, Control: plan.Control{State: plan.Running}}
	running.Counters.States[task.Pending] = 3

	by := plan.By{Actor: "ann", Reason: "gateway is slow", Now: time.Now()}
	decision, err := running.Pause(by)
	if err != nil {
		fmt.Println(err)
		return
	}
	event := decision.Events[0]
	fmt.Println(running.State, "->", decision.Plan.State, decision.Plan.PauseReasons.Strings())
	fmt.Println(event.Cause, "by", event.Actor, "because", event.Reason)
	// Output:
	// RUNNING -> PAUSED [hand]
	// pause by ann because gateway is slow
}

// The error for a command that comes too late has the state that was found.
func ExampleStateError() {
	done := plan.Plan{ID: 42, Control: plan.Control{State: plan.Completed}}
	_, err := done.Pause(plan.By{Actor: "ann"})

	var late *plan.StateError
	if errors.As(err, &late) {
		fmt.Println(late.Command, "found", late.PlanState)
	}
	// Output: pause found COMPLETED
}

// Settle returns the steps that are due without a command: here, the consequence of one failure too
// many.
func ExamplePlan_Settle() {
	running := plan.Plan{ID: 42, TaskCount: 3, Control: plan.Control{State: plan.Running}}
	running.Counters.States[task.Pending] = 2
	running.Counters.States[task.Failed] = 1

	owed := running.Settle(time.Now())
	for _, event := range owed.Events {
		fmt.Println(event.Cause, event.From, "->", event.To)
	}
	// Output: breach RUNNING -> FAILED
}

// The answer to "why does it not move" has a code and parameters for programs, and a sentence.
func ExamplePlan_Explain() {
	p := plan.Plan{ID: 42, TaskCount: 3, Control: plan.Control{State: plan.Running}}
	p.Grant = strategy.Grant{LastOrdinal: 3, MaxSlots: 2, MaxFailed: 1}
	p.Counters.States[task.Running], p.Counters.States[task.Pending], p.Counters.Held = 2, 1, 2

	why := p.Explain(task.Task{ID: task.NewID(42, 3)})
	fmt.Println(why.Code, why.Params())
	fmt.Println(why)
	// Output:
	// SLOT map[maxSlots:2 slots:2]
	// All slots are taken: 2 of 2.
}
