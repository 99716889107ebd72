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
