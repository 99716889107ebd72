package engine

import (
	"errors"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/redisstore"
)

// A note is an event of the plan, on every store and in every state that a plan comes to, and
// changes nothing but the version.
func TestNotesChangeNothing(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(*testing.T) store.Store{
		"memory": func(*testing.T) store.Store { return memstore.New() },
		"Redis": func(t *testing.T) store.Store {
			t.Helper()
			client := redis.NewClient(&redis.Options{Addr: redistest.Start(t).Addr()})
			t.Cleanup(func() { _ = client.Close() })
			s, err := redisstore.Open(t.Context(), client, redisstore.Config{})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, open(t), cutover.Config{})
			id := create(t, e, spec("a", "b"))
			note(t, e, id)
			mustPlan(t)(e.Start(t.Context(), id))
			note(t, e, id)
			mustPlan(t)(e.Pause(t.Context(), id))
			note(t, e, id)
			mustPlan(t)(e.Cancel(t.Context(), id))
			note(t, e, id)
			before, err := e.Plan(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			for want, opts := range map[error][]cutover.CommandOption{
				plan.ErrInvalid: nil,
				plan.ErrVersion: {cutover.Because("r"), cutover.IfVersion(before.Version - 1)},
			} {
				if _, err := e.Note(t.Context(), id, opts...); !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
			}
			if after, err := e.Plan(t.Context(), id); err != nil || after.LastEvent != before.LastEvent {
				t.Errorf("refused notes are events: %v", err)
			}
			if _, err := e.Note(t.Context(), id+1, cutover.Because("r")); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("of a plan that is none: %v", err)
			}
		})
	}
}

// note writes a note, and looks for it among the events.
func note(t *testing.T, e *cutover.Engine, id plan.ID) {
	t.Helper()
	before, err := e.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	const text = "night shift: gateway 3 is slow"
	r, err := e.Note(t.Context(), id, cutover.By("ann"), cutover.Because(text))
	if err != nil || r.Unchanged || r.Plan.Version != before.Version+1 || r.Plan.LastEvent != before.LastEvent+1 {
		t.Fatalf("%s: %+v, %v", before.State, r, err)
	}
	events, err := e.PlanEvents(t.Context(), id, before.LastEvent, 0)
	if err != nil || len(events) != 1 {
		t.Fatalf("%s: %+v, %v", before.State, events, err)
	}
	state := before.State.String()
	if n := events[0]; n.Cause != "note" || n.From != state || n.To != state || n.Actor != "ann" || n.Reason != text || n.AtRest != before.AtRest() {
		t.Errorf("%s: %+v", before.State, n)
	}
	after := r.Plan
	after.Version, after.LastEvent = before.Version, before.LastEvent
	after.Now, after.Idle = before.Now, before.Idle
	if !slices.Equal(after.Waves, before.Waves) || after.State != before.State || after.Counters != before.Counters || after.Grant != before.Grant ||
		after.PauseReasons != before.PauseReasons || !after.EndedAt.Equal(before.EndedAt) || after.AtRest() != before.AtRest() || after.Over() != before.Over() {
		t.Errorf("before %+v\nafter  %+v", before, after)
	}
}
