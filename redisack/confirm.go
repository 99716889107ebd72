package redisack

import (
	"context"
	"errors"
	"hash/maphash"
	"time"

	"go.uber.org/zap"
)

// Confirm waits until the fleet runs the target. It writes nothing, so any process that has the
// Target may call it, and call it again, while the write is current.
//
// The result is nil only if the error is an *InvalidError. The error is nil exactly if the result
// is OK, and otherwise an *AckError.
func (c *Client) Confirm(ctx context.Context, t Target, check Check) (*AckResult, error) {
	r := c.observe(ctx, Call{"Confirm", t.Key, t.Field, t.Version}, func(ctx context.Context) CallResult {
		res, err := c.confirm(ctx, t, check)
		return CallResult{Target: t, Result: res, Err: err}
	})
	return r.Result, r.Err
}

func (c *Client) confirm(ctx context.Context, t Target, check Check) (*AckResult, error) {
	var f faults
	t.check(&f)
	check.check(&f)
	if err := f.err(); err != nil {
		return nil, err
	}
	hooks := c.hooks()
	defer hooks.close(ctx)
	r := c.begin(ctx, t, check, hooks)
	defer r.stop()
	if err := r.loadFleet(); err != nil {
		return r.conclusion(err)
	}
	res, err := r.confirm(ctx, 0)
	r.hooks.finish(res)
	return res, err
}

// Apply writes a configuration, announces it, and waits until the fleet runs it. On failure it can
// roll back, see Policy.Rollback. It looks up the fleet and checks all input before it writes
// anything.
//
// The result is nil only if the error is an *InvalidError. The error is nil exactly if the result
// is OK, and otherwise an *AckError; if the write failed, it wraps a *WriteError.
func (c *Client) Apply(ctx context.Context, ch Change, check Check) (*AckResult, error) {
	r := c.observe(ctx, Call{"Apply", ch.Key, ch.Field, ch.Version}, func(ctx context.Context) CallResult {
		res, err := c.apply(ctx, ch, check)
		if res == nil {
			return CallResult{Err: err}
		}
		return CallResult{Target: res.Target, Result: res, Err: err}
	})
	return r.Result, r.Err
}

func (c *Client) apply(ctx context.Context, ch Change, check Check) (*AckResult, error) {
	var f faults
	ch.check(c.cfg.Sharded, &f)
	check.check(&f)
	if err := f.err(); err != nil {
		return nil, err
	}
	ch = ch.complete()
	hooks := c.hooks()
	defer hooks.close(ctx)
	r := c.begin(ctx, Target{Key: ch.Key, Field: ch.Field, Version: ch.Version, WriteID: ch.WriteID}, check, hooks)
	defer r.stop()
	if err := r.loadFleet(); err != nil {
		return r.conclusion(err)
	}
	res, err := r.apply(ctx, ch)
	if !res.OK && mayRollBack(check.Policy.Rollback, res) {
		res.Rollback = c.rollback(ctx, ch, res, check, hooks)
	}
	r.hooks.finish(res)
	return res, err
}

// begin returns a run. The caller must call its stop. The hooks belong to the call, which may have
// a second run for a rollback.
func (c *Client) begin(ctx context.Context, t Target, check Check, hooks *hookRunner) *run {
	policy := check.Policy.complete()
	began := time.Now()
	limit := policy.Timeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, deadline.Sub(began))
	}
	runCtx, cancel := context.WithDeadlineCause(ctx, began.Add(policy.Timeout), errDeadline)
	log := c.log.With(zap.String("key", t.Key), zap.String("version", t.Version))
	r := &run{
		client:    c,
		log:       log,
		warnings:  warnings{log: log},
		hooks:     hooks,
		check:     check,
		policy:    policy,
		began:     began,
		limit:     limit,
		ctx:       runCtx,
		stop:      cancel,
		schedule:  schedule{limit: limit, places: c.cfg.MaxInFlight, seed: maphash.MakeSeed()},
		head:      newHead(c.backend, t),
		pushed:    make(chan pushedAcks),
		refreshed: make(chan refresh, 1),
		acksEnded: make(chan struct{}, 1),
	}
	r.fleet.policy = &r.policy
	r.workers = newWorkers(runCtx, &r.policy, c.limiter.quota(), c.cfg.MaxInFlight)
	r.aim(t)
	return r
}

// aim sets the target to confirm, before the first attempt.
func (r *run) aim(t Target) { r.target, r.head.target, r.workers.target = t, t, t }

// conclusion returns the result and the error of a run that ended before its first attempt. The
// result is nil if err is an *InvalidError.
func (r *run) conclusion(err error) (*AckResult, error) {
	var failed *AckError
	if !errors.As(err, &failed) {
		return nil, err
	}
	r.hooks.finish(failed.Result)
	return failed.Result, err
}

// apply writes and confirms.
func (r *run) apply(ctx context.Context, ch Change) (*AckResult, error) {
	target, err := r.client.write(r.ctx, ch, r.purpose())
	r.aim(target)
	r.hooks.write(target, err)
	if err != nil {
		return r.unwritten(ctx, err)
	}
	if target.NotifyError != "" {
		r.warnings.add("the announcement was refused: " + target.NotifyError)
		if r.policy.RequireNotify {
			return r.finish(ctx, ending{reason: ReasonNotifyFailed, cause: errors.New(target.NotifyError)})
		}
	}
	delay := r.policy.StartDelay
	if target.Outcome != OutcomeWritten {
		delay = 0
	}
	return r.confirm(ctx, delay)
}

// purpose returns what this run may do after its write.
func (r *run) purpose() purpose {
	return purpose{
		confirm: true, push: r.check.Push, rollBack: r.policy.Rollback != RollbackNever, restore: r.restores,
	}
}

// unwritten returns the result of a run whose write failed.
func (r *run) unwritten(ctx context.Context, err error) (*AckResult, error) {
	end := ending{reason: ReasonWriteFailed, cause: err}
	var we *WriteError
	if errors.As(err, &we) {
		end.reason = we.Reason
	}
	if ctx.Err() != nil && end.reason == ReasonWriteFailed && errors.Is(ctx.Err(), context.Canceled) {
		end.reason = ReasonCanceled // the caller canceled before anything was sent
	}
	r.stop()
	res := r.result(end.reason)
	return res, &AckError{Result: res, Cause: end.cause}
}

// confirm asks the members until the outcome is known.
func (r *run) confirm(ctx context.Context, delay time.Duration) (*AckResult, error) {
	r.workers.session = openSession(r.check.Prober, len(r.fleet.members), r.schedule.places)
	r.schedule.off = !r.workers.session.polls()
	return r.finish(ctx, r.loop(delay))
}
