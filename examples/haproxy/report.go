package main

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
)

// report says what the requests have met, and returns an error unless none was lost and each tenant
// is where the plan has left it.
func report(ctx context.Context, p plan.Plan, users *traffic) error {
	want := map[plan.State]string{plan.Completed: "blue", plan.RolledBack: "green"}[p.State]
	if want == "" {
		return fmt.Errorf("the plan is %s: %+v", p.State, p.Counters)
	}
	for _, tenant := range users.tenants {
		if got, err := users.ask(ctx, tenant); err != nil || got != want {
			return fmt.Errorf("%s is answered by %q, %w; want %s", tenant, got, err, want)
		}
	}
	s := users.snapshot()
	fmt.Printf("the plan is %s, all %d tenants are answered by %s; %d requests, %d lost\n", p.State, len(users.tenants), want, s.requests, s.lost)
	if s.lost > 0 {
		return fmt.Errorf("%d requests were lost, the last one by: %w", s.lost, s.lastLost)
	}
	return nil
}
