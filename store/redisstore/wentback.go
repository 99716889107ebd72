package redisstore

import (
	"context"
	"fmt"
	"strconv"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// WentBackError says that a plan is older than it was when this process last saw
// it: commits that were acknowledged are lost. It matches [ErrWentBack]. It is
// returned once; from then on the plan is taken as it is. A plan that is gone together
// with all that the store knew matches store.ErrNotFound too.
type WentBackError struct {
	Plan plan.ID
	// Seen is the number of the newest event that was seen, Found that of the newest
	// there is, 0 if nothing is left.
	Seen, Found int64
}

func (e *WentBackError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("redisstore: plan %s is gone, and the store knows of no such plan: it has lost its data", e.Plan)
	}
	return fmt.Sprintf("redisstore: plan %s went back in time: event %d is gone, the newest is %d", e.Plan, e.Seen, e.Found)
}

// Is reports whether target is [ErrWentBack], or store.ErrNotFound if nothing is left.
func (e *WentBackError) Is(target error) bool {
	return target == ErrWentBack || target == store.ErrNotFound && e.Found == 0
}

// notice compares the newest event that an answer tells of with the one that was known
// before it was asked for.
func (s *Store) notice(id plan.ID, l *lane, before, last int64) error {
	l.mu.Lock()
	if last > l.seen || last < before && l.seen >= before {
		l.seen = last // what went back is said once
	}
	l.mu.Unlock()
	if last >= before {
		return nil
	}
	lost := &WentBackError{Plan: id, Seen: before, Found: last}
	s.cfg.WentBack(lost)
	return lost
}

// absent says why a plan is not there: it was removed, unless this process has seen it
// and the store has not even given its id yet. Then the store has lost its data, by a
// restart without persistence, for instance, or FLUSHALL.
func (s *Store) absent(ctx context.Context, id plan.ID, l *lane) error {
	seen := l.newest()
	if seen == 0 {
		return store.ErrNotFound
	}
	k := s.keys
	newest, err := ask(ctx, s, k.ids(), func(ctx context.Context) ([]any, error) { return s.rdb.MGet(ctx, k.ids(), k.tokens()).Result() })
	if err != nil {
		return store.ErrNotFound
	}
	ids, _ := newest[0].(string)
	if n, _ := strconv.ParseInt(ids, 10, 64); n >= int64(id) || ids == "" && newest[1] != nil { // or only ids is lost
		return store.ErrNotFound
	}
	l.mu.Lock()
	first := l.seen == seen
	l.seen = 0 // it is said once
	l.mu.Unlock()
	if !first {
		return store.ErrNotFound
	}
	lost := &WentBackError{Plan: id, Seen: seen}
	s.cfg.WentBack(lost)
	return lost
}
