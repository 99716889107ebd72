package notify_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// What is refused for good, or for longer than GiveUp, becomes a dead letter, and can be sent
// again.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memstore.New())
		var refusal atomic.Pointer[error]
		refuse := func(err error) { refusal.Store(&err) }
		box := inbox{refuse: func(m notify.Message) error {
			if m.Kind == notify.KindFailures {
				return *refusal.Load()
			}
			return nil
		}}
		n, _ := w.notifier(w.engine, &box, notify.Config{GiveUp: 2 * time.Hour, OnFault: func(string, error) {}})
		time.Sleep(time.Second)
		refuse(notify.Permanent(errors.New("410 Gone")))
		w.finish(w.create("refused", 1, "a", "bad"))
		time.Sleep(time.Minute)
		w.equal("messages", box.causes(), []string{"create", "start", "success"})
		refuse(notify.RetryAfter(errors.New("busy"), 20*time.Minute))
		id := w.create("given up", 1, "a", "bad-1", "bad-2")
		w.finish(id)
		time.Sleep(90 * time.Minute)
		if got := len(box.messages()); got != 5 {
			t.Errorf("%d messages before it was given up: %v", got, box.causes())
		}
		time.Sleep(time.Hour)
		letters, err := n.DeadLetters(t.Context())
		w.ok(err)
		if len(letters) != 2 || letters[0].Reason != "410 Gone" || letters[1].Reason != "busy" || letters[1].Plan != id || letters[1].First >= letters[1].Last {
			t.Fatalf("dead letters %+v", letters)
		}
		if sent, err := n.Redeliver(t.Context()); sent != 0 || err == nil {
			t.Errorf("sent %d although the sink refuses, error %v", sent, err)
		}
		refuse(nil)
		if _, err := n.Redeliver(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("error %v for a letter that is not there", err)
		}
		if sent, err := n.Redeliver(t.Context(), letters[1].ID); sent != 1 || err != nil {
			t.Errorf("sent %d, error %v", sent, err)
		}
		if m := box.messages()[6]; m.ID != letters[1].ID || m.Failures != 2 {
			t.Errorf("sent again: %+v", m)
		}
		if sent, err := n.Redeliver(t.Context()); sent != 1 || err != nil {
			t.Errorf("sent %d, error %v", sent, err)
		}
		w.ok(n.Test(t.Context()))
		if m := box.messages()[8]; m.Kind != notify.KindTest || !strings.Contains(m.Title, "pager") {
			t.Errorf("the test: %+v", m)
		}
	})
}
