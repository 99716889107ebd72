package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Join implements store.Leaser.
func (s *Store) Join(ctx context.Context, incarnation string, ttl time.Duration) error {
	if err := checkLease(incarnation, ttl); err != nil {
		return err
	}
	if err := s.client.mayClaim(); err != nil {
		return err
	}
	key := s.keys.lease(incarnation)
	return s.client.fault(ctx, key, askErr(ctx, s.client, key, func(ctx context.Context) error { return s.client.rdb.Set(ctx, key, 1, ttl).Err() }))
}

// heartbeatShare is the share of a lease's time that a server may take to answer a
// heartbeat, and then the question for a sign of life: so that those which do not leave the
// time to renew the lease.
const heartbeatShare = 8

// Heartbeat implements store.Leaser. A server of a cluster that does not answer costs what
// is held in its own plans, and time for one or two answers at most; that of the lease's
// own record costs the lease, unless another takes its place in time.
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
	return s.client.fault(ctx, key, askErr(ctx, s.client, key, func(ctx context.Context) error { return s.client.rdb.Del(ctx, key).Err() }))
}

// Orphans implements store.Leaser. It is read first what workers hold and then who
// lives: who held a task and has no lease afterwards never gets one again.
func (s *Store) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	held, faults, err := s.indexes.holdings(ctx, answerTimeout, []plan.ID{id}, "")
	if err == nil {
		err = faults[id]
	}
	if err != nil || len(held) == 0 {
		if err == nil { // an empty answer does not tell whether there is such a plan
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
		err = nil // the others have their turn when these are seen to
	}
	return orphans, err
}
