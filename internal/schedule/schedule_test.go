package schedule_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/schedule"
	"github.com/cutover-go/cutover/plan/strategy/window"
)

// Equal windows have one schedule, also for several callers at once; faulty ones have none.
func TestOf(t *testing.T) {
	t.Parallel()
	friday := func() []window.Window {
		return []window.Window{{Kind: window.Allow, Zone: "Europe/Berlin", Days: window.On(time.Friday)}}
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 600 {
				other := friday()
				other[0].To = window.TimeOfDay{Hour: 1 + i%20, Minute: i % 60}
				if _, err := schedule.Of(other); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	first, err := schedule.Of(friday())
	again, _ := schedule.Of(friday())
	if err != nil || first != again {
		t.Errorf("two schedules of the same windows, %v", err)
	}
	for _, zone := range []string{"", "Local", "Europe/Nowhere"} {
		faulty := friday()
		faulty[0].Zone = zone
		if s, err := schedule.Of(faulty); s != nil || !errors.Is(err, window.ErrInvalid) {
			t.Errorf("zone %q: %v", zone, err)
		}
	}
}
