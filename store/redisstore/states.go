package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// States implements store.Reader.
func (s *Store) States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error) {
	if err := store.CheckStates(after, limit); err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = store.MaxStates
	}
	key := s.keys.plan(id)
	argv := s.client.scripts.states.argv(make([]any, 0, 6), key)
	answer, err := s.client.run(ctx, s.client.scripts.states, key, false, append(argv, after, limit))
	if err != nil {
		return nil, err
	}
	letters := answer[1:]
	states := make([]task.State, len(letters))
	for i := range states {
		state, known := stateOf(letters[i])
		if !known {
			return nil, damagedTask(s.keys, id, after+1+i, errors.New("its head is none"))
		}
		states[i] = state
	}
	return states, nil
}

// Tenants implements store.Reader. The same round trip checks that the plan exists; only if it does
// not, a second one finds out why.
func (s *Store) Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error) {
	if err := store.CheckStates(after, limit); err != nil {
		return nil, err
	}
	if limit == 0 {
		limit = store.MaxStates
	}
	pipe := s.client.rdb.Pipeline()
	record := pipe.HMGet(ctx, s.keys.plan(id), "stage", "tasks")
	var lists []*redis.StringSliceCmd
	for place := after; place < after+limit; place += bucketSize - place%bucketSize {
		end := min(after+limit-place, bucketSize-place%bucketSize) + place%bucketSize - 1
		lists = append(lists, pipe.LRange(ctx, s.keys.tenants(id, place/bucketSize), int64(place%bucketSize), int64(end)))
	}
	if err := s.client.exec(ctx, s.keys.plan(id), pipe); err != nil {
		return nil, err
	}
	if err := s.client.fault(ctx, s.keys.plan(id), record.Err()); err != nil {
		return nil, err
	}
	if record.Val()[0] != "ready" {
		_, err := s.Plan(ctx, id) // returns why the plan cannot be read
		return nil, cmp.Or(err, store.ErrNotFound)
	}
	announced, _ := record.Val()[1].(string)
	total, err := strconv.Atoi(announced)
	if err != nil {
		return nil, &store.CorruptError{Key: s.keys.plan(id), Reason: fmt.Sprintf("tasks is %.32q", announced)}
	}
	tenants := make([]string, 0, max(0, min(limit, total-after)))
	for _, list := range lists {
		place := after + len(tenants)
		if place >= total {
			break
		}
		key := s.keys.tenants(id, place/bucketSize)
		if err := s.client.fault(ctx, key, list.Err()); err != nil {
			return nil, err
		}
		for _, entry := range list.Val() {
			tenants = append(tenants, entry[min(1, len(entry)):]) // after its mark
		}
		if want := min(bucketSize-place%bucketSize, after+limit-place, total-place); len(list.Val()) < want {
			_, err := s.Plan(ctx, id) // it may have been removed after the check
			return nil, cmp.Or[error](err, &store.CorruptError{Key: key, Reason: fmt.Sprintf("the tenant of task %d is missing", after+len(tenants)+1)})
		}
	}
	return tenants, nil
}
