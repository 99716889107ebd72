package storetest

import (
	"errors"
	"time"

	"github.com/cutover-go/cutover/store"
)

func cursorCases() []testCase {
	return []testCase{
		{name: "cursor", run: cursorMoves},
		{name: "cursor has one owner", run: cursorOwner},
		{name: "cursor beyond the newest", run: cursorAhead},
	}
}

func cursorMoves(e *env) {
	one, two := e.start(20, concurrently(20)), e.create(1, concurrently(1))
	one.take("worker", 20)
	at := func(r *rollout, name string, want int64) {
		e.Helper()
		seq, err := e.Cursor(e.ctx, r.id, name, "me", time.Minute)
		e.ok(err)
		equal(e, "position of "+name, seq, want)
	}
	at(one, "mail", 0)
	e.ok(e.MoveCursor(e.ctx, one.id, "mail", "me", 17))
	at(one, "mail", 17)
	at(one, "chat", 0)
	at(two, "mail", 0)
	e.ok(e.MoveCursor(e.ctx, one.id, "chat", "me", 3))
	e.ok(e.MoveCursor(e.ctx, one.id, "mail", "me", 18))
	at(one, "chat", 3)
	at(one, "mail", 18)
}

// cursorAhead: a cursor cannot move past the last event.
func cursorAhead(e *env) {
	r := e.create(1, concurrently(1))
	_, err := e.Cursor(e.ctx, r.id, "mail", "me", time.Minute)
	e.ok(err)
	e.ok(e.MoveCursor(e.ctx, r.id, "mail", "me", 1))
	err = e.MoveCursor(e.ctx, r.id, "mail", "me", 2)
	e.is(err, store.ErrEventsAhead)
	var recorded *store.EventsAheadError
	if errors.As(err, &recorded) && (recorded.After != 2 || recorded.Newest != 1) {
		e.Errorf("moved to 2 of 1: %+v", recorded)
	}
	seq, err := e.Cursor(e.ctx, r.id, "mail", "me", time.Minute)
	e.ok(err)
	equal(e, "position", seq, 1)
}

// cursorOwner: a cursor belongs to one owner until it has not been renewed for its TTL.
func cursorOwner(e *env) {
	r := e.start(10, concurrently(10))
	r.take("worker", 10)
	var name string
	e.inTime(func(ttl time.Duration) bool {
		name = "mail for " + ttl.String()
		e.is(e.MoveCursor(e.ctx, r.id, name, "me", 1), store.ErrConflict)
		renewed := time.Now()
		_, err := e.Cursor(e.ctx, r.id, name, "me", ttl)
		e.ok(err)
		moved := e.MoveCursor(e.ctx, r.id, name, "me", 5)
		_, taken := e.Cursor(e.ctx, r.id, name, "you", ttl)
		intruded := e.MoveCursor(e.ctx, r.id, name, "you", 9)
		if time.Since(renewed) >= ttl {
			return false
		}
		e.ok(moved)
		e.is(taken, store.ErrConflict)
		e.is(intruded, store.ErrConflict)
		for range 4 {
			time.Sleep(ttl / 2)
			again := time.Now()
			_, err = e.Cursor(e.ctx, r.id, name, "me", ttl)
			if time.Since(renewed) >= ttl {
				return false
			}
			renewed = again
			e.ok(err)
		}
		e.outlast(ttl)
		return true
	})
	seq, err := e.Cursor(e.ctx, r.id, name, "you", time.Minute)
	e.ok(err)
	equal(e, "position for the next owner", seq, 5)
	e.is(e.MoveCursor(e.ctx, r.id, name, "me", 6), store.ErrConflict)
	e.ok(e.MoveCursor(e.ctx, r.id, name, "you", 6))
}
