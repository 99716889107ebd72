package cutover_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// errUnderWay tells a queue to run the job again later.
var errUnderWay = errors.New("the plan is under way")

// rollOut is the body of a job that may run any number of times, also twice at once. The
// idempotency key of spec is the id of the job.
func rollOut(ctx context.Context, engine *cutover.Engine, spec plan.Spec) error {
	started, err := engine.EnsureStarted(ctx, spec) // or the plan that an earlier run has started
	p := started.Plan
	switch {
	case err != nil:
		return err
	case p.State == plan.Completed:
		return nil
	case !p.AtRest():
		return errUnderWay
	}
	return fmt.Errorf("plan %s is %s: %w", p.ID, p.State, errNeedsOperator)
}

// errNeedsOperator is the error for a plan that goes on only by a command.
var errNeedsOperator = errors.New("it waits for a command")

// A job of a queue, or an activity of a workflow, creates a plan and looks at it until it is done.
func Example_fromAJob() {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	healthy := false
	engine, err := cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{
		"MOVE": executor.Func(func(context.Context, *executor.Run) error {
			if !healthy {
				return executor.Fail("NO_UPSTREAM", errors.New("no upstream"))
			}
			return nil
		}),
	}})
	if err != nil {
		panic(err)
	}
	go engine.Run(ctx) //nolint:errcheck // it ends with the program

	job := func() (err error) { // as a queue does it
		spec := plan.Spec{Name: "to blue", ExecutorType: "MOVE", Tenants: plan.Tenants("ada", "bob"), IdempotencyKey: "job-17"}
		for err = errUnderWay; errors.Is(err, errUnderWay); time.Sleep(time.Millisecond) {
			err = rollOut(ctx, engine, spec)
		}
		return err
	}
	fmt.Println("the job:", job())

	healthy = true // an operator has repaired it
	if _, err := engine.RetryFailed(ctx, 1, cutover.FromCheckpoint); err != nil {
		panic(err)
	}
	fmt.Println("the job:", job())
	// Output:
	// the job: plan 1 is FAILED: it waits for a command
	// the job: <nil>
}
