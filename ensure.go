package cutover

import (
	"context"
	"errors"
	"time"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Pauses between two looks at a creation or a start that is under way elsewhere.
const (
	firstLook = 10 * time.Millisecond
	lastLook  = time.Second
)

// errNoKey returns the error for a spec without the key that EnsureStarted needs.
func errNoKey() error {
	return &plan.InvalidError{Faults: []plan.Fault{{Field: "IdempotencyKey", Problem: "is empty: without it every call would start another plan"}}, Total: 1}
}

// EnsureStarted creates a plan and starts it, or does what is left of that: it may be called any
// number of times with the same spec, by any processes at the same time, for instance by a job that
// is run again after a crash. The plan is the one that has the idempotency key of spec, which is
// required. If it is CREATED it is started; a plan in any other state is returned as it is, with
// Unchanged set, whoever started, paused or ended it.
//
// The spec is checked before its plan is looked for, against the present time, too: once its
// windows are over it is refused, whatever has become of the plan.
//
// EnsureStarted waits while another call creates or starts the plan, and takes its place if that
// call is dead: a start after the LeaseTTL of its process, a creation when a running engine has
// removed what it left, some 30 s after its last sign of life. After a minute it returns
// store.ErrCreating or [ErrStarting]. Otherwise its errors are those of [Engine.Create] and of
// [Engine.Start]: if other plans work on some of the tenants, the result has the plan, which stays
// CREATED, and a later call starts it. The options are those of Create; [By] and [Because] are
// recorded with the start, too.
func (e *Engine) EnsureStarted(ctx context.Context, spec plan.Spec, opts ...CreateOption) (PlanResult, error) {
	o := createOptionsOf(opts)
	o.needsKey = true
	return observe(ctx, e, o.command.as("EnsureStarted", 0, 0), func(ctx context.Context) (PlanResult, error) {
		return ensureStarted(ctx, e, spec, o)
	}, PlanResult.report)
}

func ensureStarted(ctx context.Context, e *Engine, spec plan.Spec, o createOptions) (PlanResult, error) {
	a, err := checkSpec(ctx, e, spec, o)
	if err != nil {
		return PlanResult{}, err
	}
	deadline := time.Now().Add(startTimeout)
	var p plan.Plan
	err = repeatUntil(ctx, deadline, func() (again bool, err error) {
		p, err = createOrFind(ctx, e, a, o)
		return errors.Is(err, store.ErrCreating), err
	})
	if err != nil {
		return PlanResult{}, err
	}
	r := PlanResult{Plan: p, Unchanged: true}
	err = repeatUntil(ctx, deadline, func() (again bool, err error) {
		if r.Plan.State != plan.Created {
			return false, nil
		}
		by := plan.By{Actor: o.command.Actor, Reason: o.command.Reason, Now: time.Now()}
		r, err = start(ctx, e, p.ID, starting{command: command{By: by}, deadline: deadline})
		if !errors.Is(err, ErrStarting) && !errors.Is(err, plan.ErrNotApplicable) {
			return false, err
		}
		// It is being started elsewhere, tenants are added to it, or it is CREATED no more.
		now, failed := e.client.Plan(ctx, p.ID)
		if failed != nil {
			return false, failed
		}
		r = PlanResult{Plan: now, Unchanged: true}
		if now.State != plan.Created {
			return false, nil
		}
		return true, err
	})
	return r, err
}

// repeatUntil makes a call until it need not be made again, with growing pauses. It returns the
// error of the last call, or that of ctx if it has ended.
func repeatUntil(ctx context.Context, deadline time.Time, call func() (again bool, err error)) error {
	for pause := firstLook; ; pause = min(2*pause, lastLook) {
		again, err := call()
		if !again || !time.Now().Before(deadline) {
			return err
		}
		if wait.For(ctx, min(pause, time.Until(deadline))); ctx.Err() != nil {
			return ctx.Err()
		}
	}
}
