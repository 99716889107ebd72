package agent

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/internal/redistx"
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// write is the write that was read last, and what the agent has done with it.
type write struct {
	rev     uint64
	writeID string
	done    bool // applied or rejected: it is not tried again
	pushed  bool // its outcome has been acknowledged
}

func (w write) is(head wire.Head) bool { return w.rev == head.Rev && w.writeID == head.WriteID }

// catchUp reads the current write, has it applied if it is new, and acknowledges its outcome. When
// the timer fires, catchUp repeats the acknowledgement, for a writer that has missed it. It returns
// an error if one of these steps fails; the next read then follows sooner.
func (f *follower) catchUp(ctx context.Context, by trigger) error {
	head, payload, err := f.agent.read(ctx)
	if err != nil || head.Rev == 0 {
		return err
	}
	f.note(head, by)
	if f.current != nil {
		if !f.current.is(head) {
			f.current.cancel(ErrMovedOn)
		}
		return nil // calls of the function never overlap
	}
	if !f.last.done {
		return f.try(ctx, head, payload)
	}
	return f.acknowledge(ctx, by == onTimer)
}

// note remembers the write that was found. A different write is applied whatever its revision:
// after a failover the revision may be lower.
func (f *follower) note(head wire.Head, by trigger) {
	if f.last.is(head) {
		return
	}
	if by == onTimer && f.last.rev != 0 {
		f.listener.renew() // this write was not announced, so the subscription may be dead
	}
	f.last = write{rev: head.Rev, writeID: head.WriteID}
}

// try begins to apply one write, unless its payload does not have the digest in the head.
func (f *follower) try(ctx context.Context, head wire.Head, payload *string) error {
	if payload == nil {
		return f.agent.report(head, wire.StateFailed, errPayloadGone)
	}
	if sum := sha256.Sum256([]byte(*payload)); hex.EncodeToString(sum[:]) != head.Sum {
		return f.agent.report(head, wire.StateFailed, errPayloadDiffers)
	}
	_ = f.agent.report(head, wire.StateApplying, nil)
	current, err := f.agent.begin(ctx, head, *payload)
	if err != nil {
		return f.agent.report(head, wire.StateFailed, err)
	}
	f.current = current
	return nil
}

// finish handles the return of the apply function, and returns the reason for the next read.
func (f *follower) finish(err error) trigger {
	at, a := f.current, f.agent
	f.current = nil
	ended := at.ended()
	at.cancel(nil)
	var passing retry
	version, rev := zap.String("version", at.head.Version), zap.Uint64("rev", at.head.Rev)
	switch {
	case err == nil:
		a.log.Info("configuration applied", version, rev)
		_ = a.report(at.head, wire.StateApplied, nil)
	case ended:
		a.log.Warn("applying was interrupted", version, rev, zap.Error(err))
		_ = a.report(at.head, wire.StateFailed, err)
		return onHint
	case errors.As(err, &passing):
		a.log.Warn("configuration is not up to date", version, rev, zap.Error(err))
		_ = a.report(at.head, wire.StateFailed, err)
		return onRetry
	default:
		a.log.Error("configuration rejected", version, rev, zap.Error(err))
		_ = a.report(at.head, wire.StateRejected, err)
	}
	f.last.done = f.last.is(at.head)
	return onHint
}

// acknowledge pushes the outcome of the last attempt if Config.Push is set. It pushes an outcome
// only once, unless again is set.
func (f *follower) acknowledge(ctx context.Context, again bool) error {
	if !f.agent.cfg.Push || (f.last.pushed && !again) {
		return nil
	}
	f.last.pushed = false
	if err := f.agent.push(ctx); err != nil {
		return fmt.Errorf("acknowledgement: %w", err)
	}
	f.last.pushed = true
	return nil
}

// found is the result of a read: the head, zero if there is none, and the payload, nil if there is
// none.
type found struct {
	head    wire.Head
	payload *string
}

// read reads head and payload from the master in one transaction, or one after the other if Redis
// refuses that.
func (a *Agent) read(ctx context.Context) (wire.Head, *string, error) {
	now, err := await.Value(ctx, a.readBoth)
	if redistx.Refused(err) {
		now, err = await.Value(ctx, a.readApart)
	}
	return now.head, now.payload, err
}

func (a *Agent) readBoth(ctx context.Context) (found, error) {
	pipe := a.rdb.TxPipeline()
	fields := pipe.HGetAll(ctx, a.names.Head)
	var payload *redis.StringCmd
	if a.names.Field == "" {
		payload = pipe.Get(ctx, a.names.Data)
	} else {
		payload = pipe.HGet(ctx, a.names.Data, a.names.Field)
	}
	if err := redistx.Exec(ctx, pipe); err != nil {
		return found{}, err
	}
	return parse(fields.Val(), payload.Result)
}

// readApart reads one key after the other. If a write happens in between, try finds that the digest
// does not match.
func (a *Agent) readApart(ctx context.Context) (found, error) {
	fields, err := redistx.Pairs(redistx.Apart(ctx, a.rdb, "HGETALL", a.names.Head))
	if err != nil {
		return found{}, err
	}
	var payload *redis.Cmd
	if a.names.Field == "" {
		payload = redistx.Apart(ctx, a.rdb, "GET", a.names.Data)
	} else {
		payload = redistx.Apart(ctx, a.rdb, "HGET", a.names.Data, a.names.Field)
	}
	return parse(fields, payload.Text)
}

func parse(fields map[string]string, payload func() (string, error)) (found, error) {
	head, _, err := wire.ParseHead(fields)
	if err != nil {
		return found{}, err
	}
	text, err := payload()
	if errors.Is(err, redis.Nil) {
		return found{head: head}, nil
	}
	return found{head, &text}, err
}

var errPayloadGone = errors.New("the payload is missing")

var errPayloadDiffers = errors.New("the payload does not have the digest in the head: the key was changed by other means")

// report sets the slots of the status and returns err.
func (a *Agent) report(head wire.Head, state wire.State, err error) error {
	slot := wire.Slot{
		Rev: wire.Rev(head.Rev), Version: head.Version, WriteID: head.WriteID, Sum: head.Sum, At: time.Now().UTC(),
	}
	attempted := slot
	attempted.State = state
	if err != nil {
		attempted.Error = wire.Clean(err.Error(), wire.MaxErrorText)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.status.Attempted = &attempted
	if state == wire.StateApplied {
		a.status.Applied = &slot
	}
	return err
}

// push acknowledges the last attempt.
func (a *Agent) push(ctx context.Context) error {
	slot := a.snapshot().Attempted
	ack := wire.Ack{
		Instance: a.cfg.Instance, Boot: a.boot, Rev: uint64(slot.Rev), Version: slot.Version, WriteID: slot.WriteID,
		Sum: slot.Sum, State: slot.State, Error: slot.Error,
	}
	return await.Do(ctx, func(ctx context.Context) error {
		return a.rdb.XAdd(ctx, &redis.XAddArgs{
			Stream: a.names.Acks, MaxLen: a.cfg.MaxAcks, Approx: true, Values: ack.Fields(),
		}).Err()
	})
}
