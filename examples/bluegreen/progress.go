package main

import (
	"context"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// follow shows how many tasks have come to done until the plan is at rest, and
// returns it as it then is.
func follow(ctx context.Context, engine *cutover.Engine, p plan.Plan, done task.State) (plan.Plan, error) {
	bar := progressbar.NewOptions(p.Tasks,
		progressbar.OptionSetWriter(os.Stderr),
		progressbar.OptionSetDescription(done.String()),
		progressbar.OptionSetWidth(40),
		progressbar.OptionShowCount(),
		progressbar.OptionThrottle(50*time.Millisecond),
		progressbar.OptionOnCompletion(func() { _, _ = os.Stderr.WriteString("\n") }),
	)
	if err := bar.Set(p.Counters.Of(done)); err != nil {
		return p, err
	}
	for event, err := range engine.Watch(ctx, p.ID, p.LastEvent) {
		if err != nil {
			return p, err
		}
		if event.Task != 0 && event.To == done.String() {
			if err := bar.Add(1); err != nil {
				return p, err
			}
		}
		if event.AtRest {
			break
		}
	}
	if !bar.IsFinished() {
		_, _ = os.Stderr.WriteString("\n")
	}
	return engine.Wait(ctx, p.ID)
}
