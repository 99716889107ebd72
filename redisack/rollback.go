package redisack

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// mayRollBack reports whether the mode asks for a rollback after this result. It reports false if
// another write is current, if it is unknown which write is current, if the caller has canceled the
// run, and if the write failed.
func mayRollBack(mode RollbackMode, res *AckResult) bool {
	switch res.Reason {
	case ReasonRejected:
		return mode != RollbackNever
	case ReasonTimeout, ReasonMismatch, ReasonEndpointError, ReasonQuorumImpossible, ReasonNotifyFailed:
		return mode == RollbackOnFailure
	default:
		return false
	}
}

// rollback writes the previous payload again, as a new revision, on condition that the failed write
// is still current, and confirms it with its own timeout.
func (c *Client) rollback(ctx context.Context, failed Change, res *AckResult, check Check, hooks *hookRunner) *RollbackReport {
	if res.Target.Outcome == OutcomeUnchanged {
		return &RollbackReport{Why: "this run has written nothing"}
	}
	ctx, end := outlast(ctx)
	defer end()
	check.Policy.Rollback = RollbackNever
	r := c.begin(ctx, res.Target, check, hooks)
	defer r.stop()
	r.restores = true
	ch, why := r.head.former(r.ctx, failed)
	if why != "" {
		return &RollbackReport{Why: why}
	}
	target := r.target
	target.Version, target.WriteID = ch.Version, ch.WriteID
	r.aim(target)
	if err := r.loadFleet(); err != nil {
		return &RollbackReport{Why: err.Error()}
	}
	undone, err := r.apply(ctx, ch)
	report := &RollbackReport{OK: undone.OK, Written: undone.Target.Outcome != 0}
	if err != nil {
		report.Why = err.Error()
	}
	if report.Written {
		report.Result = undone
	}
	return report
}

// outlast returns a context that continues after the deadline of ctx, but ends when ctx is
// canceled.
func outlast(ctx context.Context) (context.Context, context.CancelFunc) {
	lasting, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			cancel(context.Cause(ctx))
		}
	})
	return lasting, func() { stop(); cancel(nil) }
}

// former returns the change that restores the payload which the failed change has replaced, or the
// reason why that is impossible.
func (h *head) former(ctx context.Context, failed Change) (ch Change, why string) {
	type past struct {
		head wire.Head
		prev previous
		ok   bool
	}
	found, err := within(ctx, func() (p past, err error) {
		p.head, p.ok, err = h.backend.head(ctx, h.names)
		if err == nil && p.ok {
			p.prev, p.ok, err = h.backend.previous(ctx, h.names)
		}
		return p, err
	})
	sum := sha256.Sum256(found.prev.payload)
	switch {
	case err != nil:
		return Change{}, "the previous payload cannot be read: " + wire.Clean(err.Error(), wire.MaxErrorText)
	case found.head.Rev != 0 && (found.head.Rev != h.target.Rev || found.head.WriteID != h.target.WriteID):
		return Change{}, fmt.Sprintf("revision %d is current now", found.head.Rev)
	case !found.ok:
		return Change{}, "there is no previous payload"
	case found.head.Prev.Version == "":
		return Change{}, "the previous payload has no recorded version"
	case hex.EncodeToString(sum[:]) != found.head.Prev.Sum:
		return Change{}, "the previous payload is not what was recorded"
	}
	return Change{
		Key: failed.Key, Field: failed.Field, Channel: failed.Channel, Fence: failed.Fence,
		Version: found.head.Prev.Version, Payload: found.prev.payload, TTL: found.prev.ttl,
		IfRev: Exact(h.target.Rev), Rewrite: true,
	}.complete(), ""
}
