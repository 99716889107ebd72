package sqltest

import (
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
)

// Others tests that rows of subscriptions are named by their keys, and that a cursor that is ahead
// of the log is noticed.
func (tb Tables) Others(t *testing.T) {
	t.Helper()
	s := tb.site(t)
	s.start(3)
	_, err := s.store.Subscribe(t.Context(), "n", false)
	s.OK(err)
	s.OK(s.store.AddDeadLetter(t.Context(), "n", store.DeadLetter{ID: "letter", Plan: 1, First: 1, Last: 2, At: time.Now()}))
	_, err = s.store.Cursor(t.Context(), 1, "n", "o", time.Minute)
	s.OK(err)
	s.damage("UPDATE @.dead_letter SET letter = '['")
	_, err = s.store.DeadLetters(t.Context(), "n")
	s.corrupts("dead letters", err, "dead_letter", "n, letter")
	s.damage("UPDATE @.subscription SET status = '{'")
	_, err = s.store.ListSubscriptions(t.Context())
	s.corrupts("subscriptions", err, "subscription", "n")
	s.damage("UPDATE @.cursor SET seq = 1000")
	at, err := s.store.Cursor(t.Context(), 1, "n", "o", time.Minute)
	s.OK(err)
	if _, err := s.store.Events(t.Context(), 1, at, 0); !errors.Is(err, store.ErrEventsAhead) {
		t.Errorf("events after a cursor from nowhere: %v", err)
	}
}
