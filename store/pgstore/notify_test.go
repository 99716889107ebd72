package pgstore

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/pgtest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// hearing returns the hints that a store gives until the end of the test.
func hearing(t *testing.T, s *Store) <-chan store.Hint {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	hints, ended := make(chan store.Hint, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Listen(ctx, func(h store.Hint) { hints <- h })
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return hints
}

// until repeats an action until a hint comes.
func until(t *testing.T, hints <-chan store.Hint, act func()) store.Hint {
	t.Helper()
	for range 100 {
		act()
		select {
		case h := <-hints:
			return h
		case <-time.After(100 * time.Millisecond):
		}
	}
	t.Fatal("no hint has come")
	return store.Hint{}
}

// TestNotifications: a process learns of the commits of others, also after its connection was ended
// and behind a pooler; without Config.Listen nobody is told, and connections that are not there
// harm nothing.
func TestNotifications(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	schema, other := server.schema(t), server.schema(t)
	pooler := pgtest.StartPooler(t, server.Server, "transaction").URL("postgres", pgtest.Superuser)
	listening := func(at, listen string) *Store {
		return open(t, at, Config{Schema: schema, Connections: 3, Listen: listen})
	}
	here := listening(server.url(), server.url())
	hints := hearing(t, here)
	far := start(t, listening(pooler, server.url()), 60)
	act := func() { far.Claim("worker", 1) }
	if h := until(t, hints, act); h.Plan != far.ID {
		t.Errorf("a hint of plan %s, want %s", h.Plan, far.ID)
	}
	run(t, server.url(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'cutover listens'")
	for len(hints) > 0 {
		<-hints
	}
	until(t, hints, act)

	silent := hearing(t, listening(server.url(), ""))
	_ = listening(server.url(), pooler) // a pooler forgets who listens
	away := hearing(t, listening(server.url(), "postgres://postgres@127.0.0.1:1/postgres?sslmode=disable"))
	elsewhere := hearing(t, open(t, server.url(), Config{Schema: other, Connections: 3, Listen: server.url()}))
	until(t, hints, act)
	if n := len(silent) + len(away) + len(elsewhere); n > 0 {
		t.Errorf("%d hints have come to those who cannot hear them", n)
	}
	if _, err := Open(t.Context(), server.url(), Config{Schema: schema, Listen: "postgres://:x"}); err == nil {
		t.Error("a URL that makes no sense is taken")
	}
}

// TestListenIsChecked: a URL that can never bring a notification is refused by Open.
func TestListenIsChecked(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	schema := server.schema(t)
	none, other := server.URL("none", pgtest.Superuser), server.URL("template1", pgtest.Superuser)
	for url, want := range map[string]string{none: "3D000", other: "template1", server.URL("postgres", "nobody_here"): "28000"} {
		s, err := Open(t.Context(), server.url(), Config{Schema: schema, Listen: url})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "Config.Listen") || store.Temporary(err) {
			t.Errorf("listening at %s: error %v, want one about Config.Listen with %s", url, err, want)
		}
	}
}

// TestNotificationsAreFew: what changes at once is one message, however many plans it is about, and
// those who only watch are told apart.
func TestNotificationsAreFew(t *testing.T) {
	t.Parallel()
	s := newStore(Config{Schema: "s"})
	n := &notifier{s: s, prefix: "s ", own: "me ", pending: make(map[plan.ID]bool), some: make(chan struct{}, 1)}
	s.notifier = n
	for id := range plan.ID(700) {
		s.hint(store.Hint{Plan: id + 1, OnlyEvents: true})
		s.hint(store.Hint{Plan: id + 1, OnlyEvents: id%2 == 0})
		s.hint(store.Hint{Plan: id + 1, OnlyEvents: true})
	}
	list := n.messages()
	if len(list) != 3 || len(list[0]) > 7999 {
		t.Fatalf("%d messages, the first of %d bytes", len(list), len(list[0]))
	}
	far := newStore(Config{Schema: "s"})
	hints := hearing(t, far)
	until(t, hints, func() { far.hints.Give(store.Hint{}) })
	others := &notifier{s: far, prefix: "s ", own: "other "}
	for _, m := range append(list, "t x 1 2 3", "s other 1 2 3", "s x", "s x y", "") {
		others.heard(m)
	}
	n.heard(list[0]) // its own
	both := 0
	for range 700 {
		if h := <-hints; h.OnlyEvents {
			both++
		}
	}
	if both != 350 || len(hints) > 0 || len(n.messages()) > 0 {
		t.Errorf("%d of 700 hints are for those who watch; %d are left", both, len(hints))
	}
}
