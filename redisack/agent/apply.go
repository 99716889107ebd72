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

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// look is what was found at the last look, and what has become of it.
type look struct {
	rev     uint64
	writeID string
	done    bool // applied or rejected: not to be tried again
	pushed  bool // and acknowledged
}

// catchUp reads what is current, applies it if it is new, and acknowledges it. The acknowledgement is repeated when
// repeat is set, for a writer that has missed it. The error is what stands in the way of being up to date.
func (a *Agent) catchUp(ctx context.Context, last *look, repeat bool) error {
	head, payload, err := a.read(ctx)
	if err != nil || head.Rev == 0 {
		return err
	}
	// Another write is to be applied whatever its revision: after a failover the revision may have gone back.
	if head.Rev != last.rev || head.WriteID != last.writeID {
		*last = look{rev: head.Rev, writeID: head.WriteID}
	}
	if !last.done {
		if err := a.try(ctx, head, payload); err != nil {
			return err
		}
		last.done = true
	}
	if a.cfg.Push && (!last.pushed || repeat) {
		last.pushed = false
		if err := a.push(ctx); err != nil {
			return fmt.Errorf("acknowledgement: %w", err)
		}
		last.pushed = true
	}
	return nil
}

// read reads head and payload together, from the master.
func (a *Agent) read(ctx context.Context) (wire.Head, *string, error) {
	pipe := a.rdb.TxPipeline()
	fields := pipe.HGetAll(ctx, a.names.Head)
	var payload *redis.StringCmd
	if a.names.Field == "" {
		payload = pipe.Get(ctx, a.names.Data)
	} else {
		payload = pipe.HGet(ctx, a.names.Data, a.names.Field)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return wire.Head{}, nil, err
	}
	head, _, err := wire.ParseHead(fields.Val())
	if err != nil {
		return wire.Head{}, nil, err
	}
	text, err := payload.Result()
	if errors.Is(err, redis.Nil) {
		return head, nil, nil
	}
	return head, &text, err
}

// try applies one write. nil means that this is settled: applied or rejected.
func (a *Agent) try(ctx context.Context, head wire.Head, payload *string) error {
	if payload == nil {
		return a.report(head, wire.StateFailed, errPayloadGone)
	}
	if sum := sha256.Sum256([]byte(*payload)); hex.EncodeToString(sum[:]) != head.Sum {
		return a.report(head, wire.StateFailed, errPayloadDiffers)
	}
	_ = a.report(head, wire.StateApplying, nil)
	err := a.call(ctx, head, *payload)
	var passing retry
	switch {
	case err == nil:
		a.log.Info("configuration applied", zap.String("version", head.Version), zap.Uint64("rev", head.Rev))
		return a.report(head, wire.StateApplied, nil)
	case ctx.Err() != nil || errors.As(err, &passing):
		return a.report(head, wire.StateFailed, err)
	}
	a.log.Error("configuration rejected", zap.String("version", head.Version), zap.Uint64("rev", head.Rev), zap.Error(err))
	_ = a.report(head, wire.StateRejected, err)
	return nil
}

// call runs the host's function. A panic is an error.
func (a *Agent) call(ctx context.Context, head wire.Head, payload string) (err error) {
	if a.cfg.ApplyTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.cfg.ApplyTimeout)
		defer cancel()
	}
	defer func() {
		if value := recover(); value != nil {
			err = fmt.Errorf("panic: %v", value)
		}
	}()
	return a.apply(ctx, Update{
		Key: a.names.Data, Field: a.names.Field, Version: head.Version, Rev: head.Rev, WriteID: head.WriteID,
		Payload: []byte(payload),
	})
}

const maxReportedError = 256

// report sets the slots of the status and returns the error that it was given.
func (a *Agent) report(head wire.Head, state wire.State, err error) error {
	slot := wire.Slot{
		Rev: wire.Rev(head.Rev), Version: head.Version, WriteID: head.WriteID, Sum: head.Sum, At: time.Now().UTC(),
	}
	attempted := slot
	attempted.State = state
	if err != nil {
		attempted.Error = wire.Clean(err.Error(), maxReportedError)
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
	return a.rdb.XAdd(ctx, &redis.XAddArgs{
		Stream: a.names.Acks, MaxLen: a.cfg.MaxAcks, Approx: true, Values: ack.Fields(),
	}).Err()
}
