package cutover

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

type byKey struct{}

// WithActor returns a context whose commands are recorded as given by actor.
func WithActor(ctx context.Context, actor string) context.Context {
	by := byFrom(ctx)
	by.Actor = task.Cut(actor, maxActor)
	return context.WithValue(ctx, byKey{}, by)
}

// WithReason returns a context whose commands are recorded with that reason.
func WithReason(ctx context.Context, reason string) context.Context {
	by := byFrom(ctx)
	by.Reason = task.Cut(reason, task.MaxReason)
	return context.WithValue(ctx, byKey{}, by)
}

func byFrom(ctx context.Context) plan.By {
	by, _ := ctx.Value(byKey{}).(plan.By)
	return by
}

// commandBy is who gives a command now.
func commandBy(ctx context.Context) plan.By {
	by := byFrom(ctx)
	by.Now = time.Now()
	return by
}

// maxActor is the most bytes of an actor; the rest is cut. A reason is cut like
// that of a failure.
const maxActor = 256
