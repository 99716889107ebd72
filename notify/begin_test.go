package notify_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// A new name begins at the present; FromStart sends what is kept. Later processes go on where the
// first stopped.
func TestBeginsAtThePresent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		old := w.create("old", 1, "a")
		w.finish(old)
		idle := w.create("idle", 1, "b")
		var box inbox
		_, stop := w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(5 * time.Second)
		w.equal("at first", box.causes(), nil)
		w.finish(idle)
		time.Sleep(30 * time.Second) // between plans there is no order
		w.finish(w.create("new", 1, "c"))
		time.Sleep(30 * time.Second)
		stop()
		w.equal("then", box.causes(), []string{"start", "success", "create", "start", "success"})
		w.finish(w.create("while nobody runs it", 1, "d"))
		var later inbox
		_, stop = w.notifier(w.engine, &later, notify.Config{FromStart: true}) // the name is not new
		time.Sleep(time.Minute)
		stop()
		w.equal("after a restart", later.causes(), []string{"create", "start", "success"})
		w.ok(notify.End(t.Context(), w.engine, "pager"))
		var all inbox
		w.notifier(w.engine, &all, notify.Config{FromStart: true})
		time.Sleep(time.Minute)
		if got := len(all.messages()); got != 4*3 {
			t.Errorf("from the start: %d messages, want 12: %v", got, all.causes())
		}
	})
}

// All events that the filter selects come, once and in order.
func TestEventsComeInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		w.took = 50 * time.Millisecond
		var box inbox
		w.notifier(w.engine, &box, notify.Config{
			Filter: notify.Filter{Kinds: []notify.Kind{notify.KindPlan, notify.KindTask, notify.KindFailures}}, Window: -1,
		})
		time.Sleep(time.Second)
		var ids []plan.ID
		for range 3 {
			ids = append(ids, w.create("plan", 5, append(numbered("good", 30), numbered("bad", 3)...)...))
		}
		for _, id := range ids {
			w.finish(id)
		}
		time.Sleep(time.Minute)
		next := make(map[plan.ID]int64)
		for _, m := range box.messages() {
			if m.First != next[m.Plan]+1 || m.Last != m.First {
				t.Fatalf("plan %s: %d to %d comes after %d", m.Plan, m.First, m.Last, next[m.Plan])
			}
			next[m.Plan] = m.Last
		}
		for _, id := range ids {
			p, err := w.engine.Plan(t.Context(), id)
			w.ok(err)
			if next[id] != p.LastEvent {
				t.Errorf("plan %s: %d of %d events came", id, next[id], p.LastEvent)
			}
		}
		all, err := notify.Statuses(t.Context(), w.engine)
		w.ok(err)
		if len(all) != 1 || all[0].Unread != 0 || all[0].Lag != 0 || all[0].Status.DeliveredAt.IsZero() {
			t.Errorf("status %+v", all)
		}
	})
}

// Filters select by the name of the plan and by severity.
func TestFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var box inbox
		w.notifier(w.engine, &box, notify.Config{Filter: notify.Filter{Plans: []string{"prod *"}, MinSeverity: notify.Warning}})
		time.Sleep(time.Second)
		w.finish(w.create("prod eu", 1, "a", "bad"))
		w.finish(w.create("test eu", 1, "b", "bad"))
		time.Sleep(time.Minute)
		id := w.create("prod us", 1, "c")
		_, err := w.engine.Cancel(t.Context(), id)
		w.ok(err)
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"failures 1", "cancel"})
	})
}
