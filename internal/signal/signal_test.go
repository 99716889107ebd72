package signal_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
)

// raised reports whether f is raised, and lowers it.
func raised(f signal.Flag) bool {
	select {
	case <-f:
		return true
	default:
		return false
	}
}

func TestFlag(t *testing.T) {
	t.Parallel()
	f := signal.NewFlag()
	if raised(f) {
		t.Error("a new flag is raised")
	}
	f.Raise()
	f.Raise()
	if !raised(f) || raised(f) {
		t.Error("two raises are not one")
	}
	f.Raise()
	f.Lower()
	f.Lower()
	if raised(f) {
		t.Error("a flag that was lowered is raised")
	}
}

func TestBroadcaster(t *testing.T) {
	t.Parallel()
	b := signal.NewBroadcaster()
	b.Notify(1) // without subscribers
	first, cancelFirst := b.Subscribe(1)
	second, cancelSecond := b.Subscribe(1)
	other, cancelOther := b.Subscribe(2)
	defer cancelOther()
	b.Notify(1)
	if !raised(first) || !raised(second) || raised(other) {
		t.Error("a notification did not reach exactly those who wait for the plan")
	}
	cancelFirst()
	cancelFirst() // harmless
	b.Notify(1)
	if raised(first) || !raised(second) {
		t.Error("a canceled subscription is notified, or the other is not")
	}
	cancelSecond()
	b.Notify(2)
	if !raised(other) {
		t.Error("the last subscriber is not notified")
	}
}

// A subscriber receives a notification that follows its subscription, while other goroutines
// subscribe, notify and cancel.
func TestBroadcasterConcurrently(t *testing.T) {
	t.Parallel()
	b := signal.NewBroadcaster()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				f, cancel := b.Subscribe(7)
				b.Notify(7)
				if !raised(f) {
					t.Error("a notification after the subscription is lost")
				}
				cancel()
			}
		})
	}
	all.Wait()
}

func TestTap(t *testing.T) {
	t.Parallel()
	b := signal.NewBroadcaster()
	var heard []plan.ID
	cancel := b.Tap(func(id plan.ID) { heard = append(heard, id) })
	b.Notify(3)
	b.Notify(4)
	cancel()
	cancel() // harmless
	b.Notify(5)
	if !slices.Equal(heard, []plan.ID{3, 4}) {
		t.Errorf("heard of %v, want 3 and 4", heard)
	}
}
