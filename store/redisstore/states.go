package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// States implements store.Reader.
func (s *Store) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	after = max(0, after)
	if limit <= 0 || limit > store.MaxStates {
		limit = store.MaxStates
	}
	key := s.keys.plan(id)
	argv := s.scripts.states.argv(make([]any, 0, 6), key)
	answer, err := s.run(ctx, s.scripts.states, key, false, append(argv, after, limit))
	if err != nil {
		return nil, err
	}
	letters := answer[1:]
	states := make([]task.State, len(letters))
	for i := range states {
		state, known := stateOf(letters[i])
		if !known {
			return nil, s.damagedTask(id, after+1+i, errors.New("its head is none"))
		}
		states[i] = state
	}
	return states, nil
}

// Tenants implements store.Reader.
func (s *Store) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	p, err := s.Plan(ctx, id)
	if err != nil {
		return nil, err
	}
	if limit <= 0 || limit > store.MaxStates {
		limit = store.MaxStates
	}
	after = min(max(0, after), p.Tasks)
	last := min(after+limit, p.Tasks)
	var buckets []*redis.StringSliceCmd
	pipe := s.rdb.Pipeline()
	for place := after; place < last; place = (place/bucketSize + 1) * bucketSize {
		b := place / bucketSize
		end := min(last, (b+1)*bucketSize) - 1
		buckets = append(buckets, pipe.LRange(ctx, s.keys.tenants(id, b), int64(place%bucketSize), int64(end%bucketSize)))
	}
	if len(buckets) == 0 {
		return nil, nil
	}
	if _ = exec(ctx, pipe); ctx.Err() != nil { // otherwise each command has its own error
		return nil, ctx.Err()
	}
	tenants := make([]string, 0, last-after)
	for i, cmd := range buckets {
		key := s.keys.tenants(id, after/bucketSize+i)
		if err := s.fault(ctx, key, cmd.Err()); err != nil {
			return nil, err
		}
		tenants = append(tenants, cmd.Val()...)
		if want := min(last, (after/bucketSize+i+1)*bucketSize) - after; len(tenants) < want {
			if _, err := s.Plan(ctx, id); err != nil {
				return nil, err // it was removed meanwhile
			}
			return nil, &store.CorruptError{Key: key, Reason: fmt.Sprintf("the tenant of task %d is missing", after+len(tenants)+1)}
		}
	}
	return tenants, nil
}
