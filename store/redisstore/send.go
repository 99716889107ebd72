package redisstore

import (
	"context"
	"errors"

	"github.com/cutover-go/cutover/internal/await"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

func (q *queues) take() *roundTrip {
	if t, ok := q.spare.Get().(*roundTrip); ok {
		return t
	}
	return &roundTrip{}
}

// commit makes the round trip, and further ones if the answer requires them. It returns the
// client's error of the first round trip.
func (q *queues) commit(ctx context.Context, id plan.ID, l *commitQueue, t *roundTrip) (sent error) {
	key := l.key
	t.compose(q.client, key)
	text, sent := q.send(ctx, id, l, t)
	err := sent
	if err = q.client.fault(ctx, key, err); err == nil {
		err = problem(key, text)
	}
	if errors.Is(err, store.ErrNotFound) {
		err = q.absent(ctx, id, l)
	}
	var then after
	if err == nil {
		then, err = t.parse(key, text)
	}
	if err == nil {
		err = q.notice(id, l, t.seen, t.last)
	}
	if t.hints && t.last == t.seen {
		l.hintAgain()
	}
	if err == nil && then.unindexed {
		err = q.indexes.repair(ctx, answerTimeout, id)
	}
	if err == nil && then.further {
		err = q.seekOn(ctx, key, t)
	}
	if err != nil {
		for _, c := range t.calls {
			c.err = err
		}
	}
	return sent
}

// send makes the round trip, or two if a shortcut could not do it. It raises the limit of tokens
// first if a change asks for that.
func (q *queues) send(ctx context.Context, id plan.ID, l *commitQueue, t *roundTrip) (text string, err error) {
	key := q.client.keys.plan(id)
	if t.raises {
		if t.tokens, err = q.tokens.raise(ctx, 0); err != nil {
			return "", err
		}
	}
	if t.full {
		return q.call(ctx, q.client.scripts.end, key, t.argv)
	}
	short := t.shortcut(q.client.scripts)
	turn := short == q.client.scripts.turn
	if short != nil && (!turn || !l.takesDetour()) {
		text, err := q.call(ctx, short, key, t.argv)
		if err != nil || text != unusual {
			return text, err
		}
		if turn {
			l.detour()
		}
	}
	return q.sendRaising(ctx, id, key, t)
}

// call makes a round trip with sc, one of the scripts that take the composed arguments argv.
func (q *queues) call(ctx context.Context, sc *script, key string, argv []any) (string, error) {
	argv[1] = sc.sha
	return q.client.roundTrip(ctx, sc, key, true, argv)
}

// endOnFull repeats changes that end holds on a server whose memory is full, with a script that
// such a server allows: otherwise no task on that server could end, and no plan could be removed. A
// claim that was sent with the changes gets no tasks.
func (q *queues) endOnFull(ctx context.Context, id plan.ID, c *call) error {
	c.claim = store.Claim{}
	l := q.of(id)
	t := &roundTrip{calls: []*call{c}, seen: l.newest(), full: true}
	return await.Do(ctx, func(ctx context.Context) error {
		c.err = nil
		_ = q.commit(ctx, id, l, t)
		return c.err
	})
}

// seekOn continues the undo round, in steps of bounded size, until the round has found a task or
// has none left.
func (q *queues) seekOn(ctx context.Context, key string, t *roundTrip) error {
	for {
		var empty roundTrip
		empty.compose(q.client, key)
		text, err := q.client.roundTrip(ctx, q.client.scripts.commit, key, true, empty.argv)
		if err = q.client.fault(ctx, key, err); err == nil {
			err = problem(key, text)
		}
		if err != nil {
			return err
		}
		r := reader{key: key, rest: text[1:]}
		flags := r.take(5)
		if r.bad {
			return r.err()
		}
		view, _, _ := t.parseView(&r, flags[0])
		for _, c := range t.calls {
			c.view = view
		}
		if flags[1] != '1' || r.bad {
			return r.err()
		}
	}
}

// sendRaising sends a commit, and sends it again if it needs a higher limit of tokens or a rebuilt
// index of held tasks. The repeated changes have no further effect, and a repeated claim returns
// the tasks that it was assigned before, if any.
func (q *queues) sendRaising(ctx context.Context, id plan.ID, key string, t *roundTrip) (text string, err error) {
	repaired := make(map[plan.ID]bool)
	for range maxRaises {
		text, err = q.call(ctx, q.client.scripts.commit, key, t.argv)
		if err != nil || len(text) < 6 || text[0] != '=' {
			return text, err
		}
		switch {
		case text[3] == '2':
			err = q.indexes.repairOnce(ctx, answerTimeout, id, repaired)
		case text[5] == '1':
			var more tokenRange
			more, err = q.tokens.raise(ctx, clockOf(text))
			t.tokens.limit = more.limit
		default:
			return text, nil
		}
		if err != nil {
			return "", err
		}
	}
	return "", &store.TemporaryError{Err: errTokens}
}

// clockOf returns the time of the plan's node, from an answer of commit.lua.
func clockOf(answer string) int64 {
	r := reader{rest: answer[6:]}
	for range 3 {
		r.until('|')
	}
	return r.number('|')
}
