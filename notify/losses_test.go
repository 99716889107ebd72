package notify_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// A process that dies between sending and moving the cursor makes the next one repeat that message,
// and no other.
func TestKilledBeforeTheCursorMoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		w := newWorld(t, s)
		var dead atomic.Bool
		mortal := storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method == "MoveCursor" && !dead.Load() {
				p, err := s.Plan(ctx, c.Plan)
				dead.Store(err == nil && p.State == plan.Running && p.Version > 1)
			}
			if dead.Load() {
				return &store.TemporaryError{Err: errors.New("the process is dead")}
			}
			return c.Do(ctx)
		})
		first := inbox{refuse: func(notify.Message) error {
			if dead.Load() {
				return errors.New("the process is dead")
			}
			return nil
		}}
		w.took = time.Second
		w.notifier(w.engineOver(mortal, nil), &first, notify.Config{OnFault: func(string, error) {}})
		time.Sleep(time.Second)
		id := w.create("p", 1, "a", "bad", "c")
		w.finish(id)
		if !dead.Load() {
			t.Fatal("the first process did not die")
		}
		var second inbox
		w.notifier(w.engine, &second, notify.Config{})
		time.Sleep(2 * time.Minute)
		one, two := first.messages(), second.messages()
		if len(one) == 0 || len(two) == 0 || one[len(one)-1].ID != two[0].ID {
			t.Fatalf("first %v, then %v", first.causes(), second.causes())
		}
		w.equal("together", append(first.causes()[:len(one)-1], second.causes()...), []string{"create", "start", "failures 1", "success"})
	})
}

// A notifier whose events were dropped tells the present state, and how many are missing.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.NewWith(memstore.Config{MaxEvents: 10}))
		var none inbox
		_, stop := w.notifier(w.engine, &none, notify.Config{})
		time.Sleep(time.Second)
		stop()
		w.took = 10 * time.Millisecond
		id := w.create("long", 5, append(numbered("bad", 3), numbered("good", 100)...)...)
		p := w.finish(id)
		var box inbox
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"overtaken", "success"})
		m := box.messages()[0]
		if len(m.Events) != 2 || m.Events[0].Cause != "create" || m.Events[1].Cause != "start" {
			t.Errorf("what the plan itself did: %+v", m.Events)
		}
		if m.Last != p.LastEvent-10 || m.Lost != m.Last-2 || m.State != "COMPLETED" || m.Counters["COMPLETED"] != 100 || m.Failures != 3 || m.Causes[0].Count != 3 {
			t.Errorf("overtaken: %+v", m)
		}
	})
}

// If the list of unread plans is lost, the comparison of all plans finds what was not sent.
func TestLostListIsFoundByTheWalk(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		w := newWorld(t, s)
		var none, box inbox
		_, stop := w.notifier(w.engine, &none, notify.Config{})
		time.Sleep(time.Second)
		stop()
		w.finish(w.create("p", 1, "a"))
		unread, err := s.Unread(t.Context(), "pager", 0, 0)
		w.ok(err)
		for _, p := range unread {
			w.ok(s.MarkRead(t.Context(), "pager", p.ID, p.Stamp, -1))
		}
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"create", "start", "success"})
	})
}
