package rules_test

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

// TestTrimmingKeepsUp: however many events a transaction adds, a log that was shortened with each
// has few more than it keeps, one that was not becomes shorter, and none loses what it keeps.
func TestTrimmingKeepsUp(t *testing.T) {
	t.Parallel()
	for _, keep := range []int{1, 10, 300, 5000} {
		for _, added := range []int{1, 100, 600, 2000} {
			var p rules.Plan
			var trimmed int64
			p.LastEvent = 20_000 // until now all were kept
			for range 200 {
				p.LastEvent += int64(added)
				until := p.TrimUntil(trimmed, keep, added)
				if until < trimmed || until > p.LastEvent-int64(keep) {
					t.Fatalf("keep %d, added %d: %d of %d are dropped after %d", keep, added, until, p.LastEvent, trimmed)
				}
				trimmed = until
			}
			if left := p.LastEvent - trimmed; left > int64(keep+rules.TrimFrom) {
				t.Errorf("keep %d, added %d: %d are left", keep, added, left)
			}
		}
	}
	p := rules.Plan{}
	p.LastEvent = 1000
	for _, keep := range []int{0, -1} {
		if until := p.TrimUntil(7, keep, 1); until != 7 {
			t.Errorf("with %d to keep, events until %d are dropped", keep, until)
		}
	}
}

// TestCheckPosition: what is kept can be read, up to the newest event.
func TestCheckPosition(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		after, last, trimmed int64
		keep                 int
		first, newest        int64 // of the error
	}{
		{after: 0, last: 9},
		{after: 9, last: 9},
		{after: 10, last: 9, newest: 9},
		{after: 3, last: 9, trimmed: 4, first: 5},
		{after: 4, last: 9, trimmed: 4},
		{after: 4, last: 9, trimmed: 4, keep: 3, first: 7},
		{after: 6, last: 9, trimmed: 4, keep: 3},
		{after: 4, last: 9, trimmed: 4, keep: -1},
		{after: 10, last: 9, trimmed: 9, keep: 3, newest: 9},
	} {
		err := rules.CheckPosition(c.after, c.last, c.trimmed, c.keep)
		trimmed, ahead := new(store.TrimmedError), new(store.EventsAheadError)
		switch {
		case c.first != 0:
			if !errors.As(err, &trimmed) || trimmed.First != c.first {
				t.Errorf("%+v: %v", c, err)
			}
		case c.newest != 0:
			if !errors.As(err, &ahead) || ahead.Newest != c.newest || ahead.After != c.after {
				t.Errorf("%+v: %v", c, err)
			}
		case err != nil:
			t.Errorf("%+v: %v", c, err)
		}
	}
}
