package redisstore

import (
	"context"
	"strconv"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// notice compares the newest event that an answer tells of with the one that was known
// before it was asked for.
func (q *queues) notice(id plan.ID, l *commitQueue, before, last int64) error {
	l.mu.Lock()
	if last > l.seen || last < before && l.seen >= before {
		l.seen = last // what went back is said once
	}
	l.mu.Unlock()
	if last >= before {
		return nil
	}
	lost := &WentBackError{Plan: id, Seen: before, Found: last}
	q.client.cfg.OnWentBack(lost)
	return lost
}

// absent says why a plan is not there: it was removed, unless this process has seen it
// and the store has not even given its id yet. Then the store has lost its data, by a
// restart without persistence, for instance, or FLUSHALL.
func (q *queues) absent(ctx context.Context, id plan.ID, l *commitQueue) error {
	seen := l.newest()
	if seen == 0 {
		return store.ErrNotFound
	}
	k := q.client.keys
	newest, err := ask(ctx, q.client, k.ids(), func(ctx context.Context) ([]any, error) { return q.client.rdb.MGet(ctx, k.ids(), k.tokens()).Result() })
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
	q.client.cfg.OnWentBack(lost)
	return lost
}
