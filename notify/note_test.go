package notify_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/store/memstore"
)

// A note is sent like a command, with its words and who wrote them.
func TestNotesAreSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var box inbox
		w.notifier(w.engine, &box, notify.Config{})
		time.Sleep(time.Second)
		id := w.create("night", 1, "a")
		if _, err := w.engine.Note(t.Context(), id, cutover.By("ann"), cutover.Because("ask Bob")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		all := box.messages()
		m := all[len(all)-1]
		if m.Kind != notify.KindPlan || m.Severity != notify.Info || m.Title != `Plan 1 "night": a note` || m.Text != "by ann\nask Bob" || m.Event.Reason != "ask Bob" {
			t.Errorf("%+v", m)
		}
	})
}
