package redisstore

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
)

// TestClockSetBack: after the server's clock is set back, plans are due at once, and not only when
// the clock has returned to its earlier reading.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	client, mini := redistest.MiniServer(t)
	now := time.Unix(1_795_443_213, 0)
	mini.SetTime(now)
	s := openStore(t, client, Config{})
	const plans = 3
	for range plans {
		start(t, s, 1, 1)
	}
	due := func() []store.DuePlan {
		t.Helper()
		list, err := s.Due(t.Context(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	rest := func() {
		t.Helper()
		for _, p := range due() {
			if err := s.Reschedule(t.Context(), p.ID, p.Stamp, store.Next{After: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
		if list := due(); len(list) != 0 {
			t.Fatalf("due are %v, but all rest", list)
		}
	}
	rest()
	now = now.Add(-time.Hour)
	mini.SetTime(now)
	if list := due(); len(list) != plans {
		t.Errorf("due are %v, want all", list)
	}
	rest()
	mini.SetTime(now.Add(time.Minute))
	if list := due(); len(list) != plans {
		t.Errorf("a minute later, due are %v, want all", list)
	}
}
