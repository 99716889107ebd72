package redisstore

import (
	"context"
	"strconv"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// notice compares last, the newest event in an answer, with before, the newest event known before
// the call. If last is older, the plan went back in time, and notice returns a *WentBackError.
func (q *queues) notice(id plan.ID, l *commitQueue, before, last int64) error {
	l.mu.Lock()
	if last > l.seen || last < before && l.seen >= before {
		l.seen = last // the loss is reported once
	}
	l.mu.Unlock()
	if last >= before {
		return nil
	}
	lost := &WentBackError{Plan: id, Seen: before, Found: last}
	q.client.cfg.OnWentBack(lost)
	return lost
}

// absent returns the reason why a plan is not there. It was removed, unless this process has seen
// the plan and the store's counter of plan ids has not reached its id. Then the store has lost its
// data, for instance by a restart without persistence or by FLUSHALL.
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
	l.seen = 0 // the loss is reported once
	l.mu.Unlock()
	if !first {
		return store.ErrNotFound
	}
	lost := &WentBackError{Plan: id, Seen: seen}
	q.client.cfg.OnWentBack(lost)
	return lost
}
