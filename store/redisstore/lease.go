package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// heartbeatShare limits the time that a server of a cluster may take to answer a heartbeat, and
// then to give a sign of life, to the TTL divided by heartbeatShare. That leaves time to renew the
// lease if servers do not answer.
const heartbeatShare = 8

// Heartbeat implements store.Leaser. If a server of a cluster does not answer, the worker loses the
// tasks that it holds in the plans of that server, and the heartbeat takes longer by at most about
// two of these time limits. If the server with the lease's own record does not answer, the worker
// loses the lease, unless another server takes over in time.
func (s *Store) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	if err := checkLease(incarnation, ttl); err != nil {
		return nil, err
	}
	key := s.keys.lease(incarnation)
	alive, err := ask(ctx, s.client, key, func(ctx context.Context) (bool, error) { return s.client.rdb.PExpire(ctx, key, ttl).Result() })
	if err != nil {
		return nil, s.client.fault(ctx, key, err)
	}
	if !alive {
		return nil, store.ErrLeaseExpired
	}
	d := answerTimeout
	if s.client.cluster {
		d = min(d, ttl/heartbeatShare)
	}
	held, faults, err := s.indexes.holdings(ctx, d, plans, incarnation)
	if err == nil && len(faults) > 0 {
		err = &store.HeartbeatError{Faults: faults}
	}
	return held, err
}

func checkLease(incarnation string, ttl time.Duration) error {
	if incarnation == "" || ttl < time.Millisecond {
		return fmt.Errorf("%w: a lease needs a name and a time to live of at least a millisecond", store.ErrInvalid)
	}
	return nil
}

// Leave implements store.Leaser.
func (s *Store) Leave(ctx context.Context, incarnation string) error {
	key := s.keys.lease(incarnation)
	err := s.client.fault(ctx, key, askErr(ctx, s.client, key, func(ctx context.Context) error { return s.client.rdb.Del(ctx, key).Err() }))
	if err != nil {
		return err
	}
	_ = s.drop(ctx, incarnation) // a name without a lease is dropped by whoever reads it
	return ctx.Err()
}

// Orphans implements store.Leaser. It first reads what workers hold and then which workers have a
// lease: a worker that held a task and has no lease afterwards never gets one again.
func (s *Store) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	held, faults, err := s.indexes.holdings(ctx, answerTimeout, []plan.ID{id}, "")
	if err == nil {
		err = faults[id]
	}
	if err != nil || len(held) == 0 {
		if err == nil { // an empty answer does not show whether the plan exists
			_, err = s.Plan(ctx, id)
		}
		return nil, err
	}
	dead, err := s.indexes.dead(ctx, held)
	var orphans []store.Holding
	for _, h := range held {
		if dead[h.Worker] && len(orphans) < store.MaxBatch {
			orphans = append(orphans, h)
		}
	}
	if len(orphans) > 0 {
		err = nil // the next call finds the remaining orphans
	}
	return orphans, err
}
