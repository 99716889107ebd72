package redisack

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/wait"
)

// Write stores and announces a configuration in one round trip, atomically. It returns the Target
// that Confirm waits for. After a temporary error of Redis it retries for Config.WriteTimeout; that
// is safe because Redis recognises the write by its id.
//
// The error is an *InvalidError or a *WriteError.
func (c *Client) Write(ctx context.Context, ch Change) (Target, error) {
	r := c.observe(ctx, Call{"Write", ch.Key, ch.Field, ch.Version}, func(ctx context.Context) CallResult {
		target, err := c.writeOnly(ctx, ch)
		return CallResult{Target: target, Err: err}
	})
	return r.Target, r.Err
}

func (c *Client) writeOnly(ctx context.Context, ch Change) (Target, error) {
	var f faults
	ch.check(c.cfg.Sharded, &f)
	if err := f.err(); err != nil {
		return Target{}, err
	}
	hooks := c.hooks()
	defer hooks.close(ctx)
	target, err := c.write(ctx, ch.complete(), purpose{})
	hooks.write(target, err)
	return target, err
}

// write sends a complete change until its outcome is known or the time is over.
func (c *Client) write(ctx context.Context, ch Change, why purpose) (Target, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.cfg.WriteTimeout, errWriteTime)
	defer cancel()
	req := writeRequest{Change: ch, names: ch.names(), sum: ch.sum(), sharded: c.cfg.Sharded, purpose: why}
	if len(ch.Payload) > stageAbove {
		go req.sum() // while the payload is on its way; target waits for it
	}
	delays := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(10*time.Millisecond), backoff.WithMaxInterval(500*time.Millisecond),
		backoff.WithMaxElapsedTime(0))
	var trouble error // the last error other than the end of the time
	maybe := false    // an attempt may have taken effect although its answer is missing
	for {
		req.sending = new(sending)
		reply, err := within(ctx, func() (writeReply, error) { return c.backend.write(ctx, req) })
		if err == nil && reply.outcome != "unstaged" {
			return c.written(req, reply)
		}
		if !answered(err) {
			maybe = req.sending.abandon() || maybe
		}
		if err != nil && ctx.Err() == nil {
			if trouble = err; !passing(err) {
				return c.failed(req, maybe, err)
			}
		}
		if wait.For(ctx, delays.NextBackOff()); ctx.Err() != nil {
			return c.failed(req, maybe, giveUp(ctx, trouble))
		}
		c.log.Warn("write is tried again", zap.String("key", ch.Key), zap.String("version", ch.Version), zap.Error(err))
	}
}

// answered reports whether err is nil or an answer of Redis.
func answered(err error) bool {
	var answer redis.Error
	return err == nil || errors.As(err, &answer)
}

// giveUp returns the error of a write that is no longer retried: the cause of the context, and the
// last error of an attempt, if any.
func giveUp(ctx context.Context, trouble error) error {
	if cause := context.Cause(ctx); trouble == nil || errors.Is(trouble, cause) {
		return cause
	}
	return fmt.Errorf("%w; last error: %w", context.Cause(ctx), trouble)
}

var errWriteTime = errors.New("not written within Config.WriteTimeout")

// written turns the script's answer into a Target or an error.
func (c *Client) written(req writeRequest, reply writeReply) (Target, error) {
	t := req.target()
	t.Rev, t.AckPos, t.WrittenAt, t.Receivers = reply.rev, reply.ackPos, reply.at, reply.receivers
	fail := func(reason Reason, err error) (Target, error) {
		c.log.Warn("write refused", zap.String("key", req.Key), zap.String("version", req.Version),
			zap.Stringer("reason", reason), zap.Uint64("found", reply.found.Rev), zap.Error(err))
		return t, &WriteError{Reason: reason, WriteID: req.WriteID, Found: reply.found, Err: err}
	}
	switch reply.outcome {
	case "written":
		t.Outcome, t.NotifyError = OutcomeWritten, reply.note
	case "replayed":
		t.Outcome = OutcomeReplayed
	case "unchanged":
		t.Outcome, t.WriteID = OutcomeUnchanged, reply.found.WriteID
	case "superseded":
		return fail(ReasonSuperseded, nil)
	case "reused":
		return fail(ReasonVersionReused, nil)
	case "conflict":
		return fail(ReasonConflict, nil)
	case "fenced":
		return fail(ReasonFenced, nil)
	case "wrongtype":
		return fail(ReasonWriteFailed, &WrongTypeError{Problem: reply.note})
	case "denied":
		return fail(ReasonWriteFailed, &PermissionError{Commands: strings.Fields(reply.note)})
	default:
		return fail(ReasonWriteUnknown, errors.New("the write script answered "+reply.outcome))
	}
	c.log.Info("configuration written", zap.String("key", t.Key), zap.String("version", t.Version),
		zap.Uint64("rev", t.Rev), zap.Stringer("outcome", t.Outcome), zap.Int64("receivers", t.Receivers),
		zap.String("notify_error", t.NotifyError))
	return t, nil
}

// target returns the Target of the write as far as it is known before Redis has answered.
func (req writeRequest) target() Target {
	return Target{Key: req.Key, Field: req.Field, Version: req.Version, WriteID: req.WriteID, Sum: req.sum()}
}

func (c *Client) failed(req writeRequest, maybe bool, err error) (Target, error) {
	reason := ReasonWriteFailed
	if maybe {
		reason = ReasonWriteUnknown
	}
	c.log.Error("write failed", zap.String("key", req.Key), zap.String("version", req.Version),
		zap.Stringer("reason", reason), zap.Error(err))
	return req.target(), &WriteError{Reason: reason, WriteID: req.WriteID, Err: err}
}

// WrongTypeError says which key has the wrong Redis type. It matches ErrWrongType.
type WrongTypeError struct{ Problem string }

func (e *WrongTypeError) Error() string { return e.Problem }

// Is makes the error match ErrWrongType.
func (e *WrongTypeError) Is(target error) bool { return target == ErrWrongType }

// PermissionError says which commands the Redis user may not run. It matches ErrNotPermitted.
// docs/redisack.md contains ACL rules to copy.
type PermissionError struct {
	// Commands are the commands that the user may not run on the keys of the configuration.
	Commands []string
}

func (e *PermissionError) Error() string {
	return "the Redis user has no permission for " + strings.Join(e.Commands, ", ")
}

// Is makes the error match ErrNotPermitted.
func (e *PermissionError) Is(target error) bool { return target == ErrNotPermitted }

// passing reports whether sending the write again may help: the connection failed, or Redis is
// temporarily unable to execute it.
func passing(err error) bool {
	if !answered(err) {
		return !errors.Is(err, redis.ErrClosed) && !errors.Is(err, ErrEviction)
	}
	for _, prefix := range []string{
		"LOADING", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MASTERDOWN", "NOREPLICAS", "BUSY", "MOVED", "ASK",
		"ERR max number of clients",
	} {
		if redis.HasErrorPrefix(err, prefix) || redis.HasErrorPrefix(err, "ERR "+prefix) {
			return true
		}
	}
	return false
}
