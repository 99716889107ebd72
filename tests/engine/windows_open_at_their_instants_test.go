package engine

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// edges is a window on the days around a change of its zone's clock, and the instants at which it
// opens and closes there.
type edges struct {
	name          string
	zone          string
	from, to      string
	opens, closes string
}

// clockChanges are windows whose edges are at or near a change of the clock.
func clockChanges() []edges {
	return []edges{
		{"over the gap", "Europe/Berlin", "01:30", "03:30", "2024-03-31T00:30:00Z", "2024-03-31T01:30:00Z"},
		{"from within the gap", "Europe/Berlin", "02:30", "04:00", "2024-03-31T01:00:00Z", "2024-03-31T02:00:00Z"},
		{"from within the overlap", "Europe/Berlin", "02:30", "03:30", "2024-10-27T00:30:00Z", "2024-10-27T02:30:00Z"},
		{"until within the overlap", "Europe/Berlin", "01:00", "02:30", "2024-10-26T23:00:00Z", "2024-10-27T00:30:00Z"},
		{"until the gap", "America/New_York", "01:00", "02:30", "2024-03-10T06:00:00Z", "2024-03-10T07:00:00Z"},
		{"until within the overlap", "America/New_York", "00:30", "01:30", "2024-11-03T04:30:00Z", "2024-11-03T05:30:00Z"},
		{"no midnight", "America/Havana", "00:00", "02:00", "2024-03-10T05:00:00Z", "2024-03-10T06:00:00Z"},
		{"midnight twice", "America/Havana", "00:00", "01:00", "2024-11-03T04:00:00Z", "2024-11-03T06:00:00Z"},
		{"half an hour less", "Australia/Lord_Howe", "02:00", "03:00", "2024-10-05T15:30:00Z", "2024-10-05T16:00:00Z"},
		{"half an hour more", "Australia/Lord_Howe", "01:30", "02:00", "2024-04-06T14:30:00Z", "2024-04-06T15:30:00Z"},
		{"the evening is an hour shorter", "America/Nuuk", "22:30", "01:00", "2024-03-31T00:30:00Z", "2024-03-31T02:00:00Z"},
		{"the evening is an hour longer", "America/Nuuk", "22:30", "00:30", "2024-10-26T23:30:00Z", "2024-10-27T02:30:00Z"},
		{"Ramadan begins", "Africa/Casablanca", "02:30", "03:00", "2025-02-23T01:30:00Z", "2025-02-23T03:00:00Z"},
		{"Ramadan ends", "Africa/Casablanca", "02:00", "03:30", "2025-04-06T02:00:00Z", "2025-04-06T02:30:00Z"},
		{"the day that was left out", "Pacific/Apia", "22:00", "02:00", "2011-12-30T08:00:00Z", "2011-12-30T12:00:00Z"},
	}
}

// Engines begin tasks from the instant at which a window opens until the one at which it closes,
// where the clock of its zone changes. All engines are restarted while the window is closed, and
// again while it is open.
func TestWindowsOpenAtTheirInstants(t *testing.T) {
	t.Parallel()
	for _, x := range clockChanges() {
		t.Run(x.zone+" "+x.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, x.run)
		})
	}
}

// run runs a plan, whose tasks end every five minutes, one after the other, from two hours before
// the window opens until three hours after it has closed. So a task ends when the window closes,
// and the next one would begin if it closed any later.
func (x edges) run(t *testing.T) {
	opens, closes := instantOf(t, x.opens), instantOf(t, x.closes)
	time.Sleep(time.Until(opens.Add(-2 * time.Hour)))
	const each = 5 * time.Minute
	s := memstore.New()
	c := cutover.Config{Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, _ *executor.Run) error {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Until(time.Now().Truncate(each).Add(each))):
			return nil
		}
	})}}
	first := startProcess(t, s, c)
	sp := spec(tenantsOf("t", 100)...)
	sp.Strategy.Windows = []window.Window{{Kind: window.Allow, Zone: x.zone, From: timeOfDay(t, x.from), To: timeOfDay(t, x.to)}}
	id := launch(t, first.Engine, sp)
	time.Sleep(time.Until(opens.Add(-20 * time.Minute)))
	first.end(t)
	second := startProcess(t, s, c)
	time.Sleep(time.Until(opens.Add(12 * time.Minute)))
	second.end(t)
	e := running(t, s, c.Executors)
	time.Sleep(time.Until(closes.Add(3 * time.Hour)))
	begins := claims(t, e, id)
	if len(begins) == 0 {
		t.Fatal("nothing began")
	}
	const slack = 10 * time.Second
	if got := begins[0]; got.Before(opens) || got.After(opens.Add(slack)) {
		t.Errorf("the first task began at %s, the window opens at %s", got, opens)
	}
	if got := begins[len(begins)-1]; !got.Before(closes) || got.Before(closes.Add(-each-slack)) {
		t.Errorf("the last task began at %s, the window closes at %s", got, closes)
	}
}

// claims returns when tasks of a plan were begun, by the store's clock.
func claims(t *testing.T, e *cutover.Engine, id plan.ID) (at []time.Time) {
	t.Helper()
	events, err := e.Events(t.Context(), id, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if ev.Cause == "claim" {
			at = append(at, ev.At)
		}
	}
	return at
}

func instantOf(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func timeOfDay(t *testing.T, text string) window.TimeOfDay {
	t.Helper()
	at, err := time.Parse("15:04", text)
	if err != nil {
		t.Fatal(err)
	}
	return window.TimeOfDay{Hour: at.Hour(), Minute: at.Minute()}
}

// A plan whose windows are in a zone that this host does not know is refused when it is created,
// with the field and the zone, and nothing of it is stored.
func TestAnUnknownZoneIsRefusedAtCreate(t *testing.T) {
	t.Parallel()
	e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"X": newDiary()}})
	sp := spec("a")
	sp.Strategy.Windows = []window.Window{nightly("Europe/Berlin", 1, 2)[0], nightly("Europe/Nowhere", 1, 2)[0]}
	_, err := e.Create(t.Context(), sp)
	var invalid *plan.InvalidError
	if !errors.As(err, &invalid) || invalid.Total != 1 || invalid.Faults[0].Field != "Strategy.Windows[1].Zone" ||
		!strings.Contains(invalid.Faults[0].Problem, `"Europe/Nowhere" is unknown`) {
		t.Errorf("%v", err)
	}
	for p, err := range e.AllPlans(t.Context(), store.PlanQuery{}) {
		t.Errorf("plan %s was created, %v", p.ID, err)
	}
}
