package redisstore

import (
	"context"
	"errors"

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
