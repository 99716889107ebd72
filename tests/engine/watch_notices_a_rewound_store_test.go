package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// rewound is a store whose plans can be replaced with those of another store, as if a backup was
// restored, or a replica without the last writes took over.
type rewound struct {
	store.Store
	other atomic.Pointer[memstore.Store]
}

func (r *rewound) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if other := r.other.Load(); other != nil {
		return other.Events(ctx, id, after, limit)
	}
	return r.Store.Events(ctx, id, after, limit)
}

// TestWatchOfRewoundStore: a Watch reports that the store has gone back in time, even if the log
// has grown past its position again.
func TestWatchOfRewoundStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tenants []string // of the other store's plan, which has 2 events, then 2 per tenant, then 1
		rest    bool     // the other plan is not started: 1 event
	}{
		"shorter":     {tenants: []string{"a"}, rest: true},
		"one shorter": {tenants: []string{"a", "b"}},
		"as long":     {tenants: []string{"c", "b", "a"}},
		"longer":      {tenants: []string{"a", "b", "c", "d", "e"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &rewound{Store: memstore.New()}
				x := executor.Registry{"X": twoSteps(succeed)}
				e := running(t, s, x)
				id := launch(t, e, spec("a", "b", "c"))
				rests(t, e, id, plan.Completed)
				time.Sleep(time.Second)
				other := memstore.New()
				o := running(t, other, x)
				if tt.rest {
					create(t, o, spec(tt.tenants...))
				} else {
					rests(t, o, launch(t, o, spec(tt.tenants...)), plan.Completed)
				}
				last, err := int64(0), error(nil)
				for ev, failed := range e.Watch(t.Context(), id, 4) {
					if err = failed; err == nil {
						last = ev.Seq
					}
					if last == 9 {
						s.other.Store(other)
					}
				}
				if last != 9 || !errors.Is(err, store.ErrEventsAhead) {
					t.Errorf("the last event is %d, then %v", last, err)
				}
				// This Watch has no event to compare: it notices the rewind because 50 is beyond
				// the newest event.
				for _, err = range e.Watch(t.Context(), id, 50) {
					var ahead *store.EventsAheadError
					if !errors.As(err, &ahead) || ahead.After != 50 || ahead.Newest >= 50 {
						t.Errorf("watching from 50 on: %v", err)
					}
				}
			})
		})
	}
}

// TestWatchOfTrimmedLog: it is no error if the last event that the watcher received was trimmed.
func TestWatchOfTrimmedLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := running(t, memstore.NewWith(memstore.Config{MaxEvents: 1}), executor.Registry{"X": twoSteps(succeed)})
		id := create(t, e, spec("a"))
		var seen []int64
		for ev, err := range e.Watch(t.Context(), id, 0) {
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, ev.Seq)
			if ev.Seq == 2 || ev.Seq > 1 {
				break
			}
			// One more event, and the event received last is trimmed.
			mustPlan(t)(e.Cancel(t.Context(), id))
		}
		if len(seen) != 2 || seen[1] != 2 {
			t.Errorf("events %v, want 1 and 2", seen)
		}
	})
}
