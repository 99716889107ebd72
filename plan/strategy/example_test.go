package strategy_test

import (
	"fmt"

	"github.com/cutover-go/cutover/plan/strategy"
)

// 10% of 25 tenants is a concurrency and a tolerance of two; of 3 tenants, a concurrency of one and
// no failure.
func ExampleAmount() {
	tenPercent := strategy.Percent(10)
	for _, tasks := range []int{25, 3} {
		fmt.Println("concurrency", tenPercent.AtLeastOne(tasks), "tolerance", tenPercent.Of(tasks))
	}
	// Output:
	// concurrency 2 tolerance 2
	// concurrency 1 tolerance 0
}

func ExampleParseAmount() {
	for _, text := range []string{"5", "10%", "many"} {
		amount, err := strategy.ParseAmount(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(amount, "of 200 is", amount.Of(200))
	}
	// Output:
	// 5 of 200 is 5
	// 10% of 200 is 20
	// strategy: invalid: "many" is no amount (a count such as 5, a percentage from 0% to 100%)
}

// The zero strategy is the most careful one. This one runs ten tasks at a time, tolerates 1% of
// failures, and at more pauses until a person resumes the plan.
func ExampleStrategy() {
	s := strategy.Strategy{
		MaxConcurrency: strategy.Count(10),
		MaxFailures:    strategy.Percent(1),
		FailureAction:  strategy.Pause,
	}
	decision := s.Decide(strategy.Rollout{Waves: []strategy.Tally{{Tasks: 3000, Failed: 31}}, Open: 1})
	fmt.Println("held at once:", decision.MaxSlots)
	fmt.Println("tolerated:", decision.MaxFailed, "breach:", decision.Breach)
	// Output:
	// held at once: 10
	// tolerated: 30 breach: true
}

// However many may run at once, a Strict plan exceeds its tolerance by one failure at most.
func ExampleConcurrencyMode() {
	s := strategy.Strategy{
		MaxConcurrency:  strategy.Count(10),
		MaxFailures:     strategy.Count(2),
		ConcurrencyMode: strategy.Strict,
	}
	grant := s.Decide(strategy.Rollout{Waves: []strategy.Tally{{Tasks: 100}}, Open: 1}).Grant
	for failed := range 4 {
		inFlight := 0
		for inFlight < grant.MaxSlots && grant.Admits(failed, grant.MaxFailed, inFlight) {
			inFlight++
		}
		fmt.Println(failed, "failed:", inFlight, "in flight")
	}
	// Output:
	// 0 failed: 3 in flight
	// 1 failed: 2 in flight
	// 2 failed: 1 in flight
	// 3 failed: 0 in flight
}

func ExampleStrategy_Faults() {
	s := strategy.Strategy{MaxConcurrency: strategy.Count(-1), MaxFailures: strategy.Percent(150)}
	for _, fault := range s.Faults() {
		fmt.Println(fault)
	}
	// Output:
	// MaxConcurrency: -1 is negative
	// MaxFailures: 150% is more than 100%
}

func ExampleStrategy_Warnings() {
	s := strategy.Strategy{MaxFailures: strategy.Percent(10)}
	for _, warning := range s.Warnings(3) {
		fmt.Println(warning)
	}
	// Output: MaxFailures: 10% of 3 tasks is less than one; no failure is tolerated
}
