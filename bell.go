package cutover

import (
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/plan"
)

// bell tells those who wait within this process that a plan may have changed. It
// is a hint like the store's: everyone who waits on it polls as well.
type bell struct {
	waiting atomic.Int64 // number of subscribers, so that ringing for nobody is free

	mu   sync.Mutex
	subs map[chan struct{}]plan.ID
}

func newBell() *bell { return &bell{subs: make(map[chan struct{}]plan.ID)} }

// subscribe returns a channel that gets a value after each ring for the plan.
// Rings that nobody has received yet become one.
func (b *bell) subscribe(id plan.ID) (rings <-chan struct{}, cancel func()) {
	ch := make(chan struct{}, 1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[ch] = id
	b.waiting.Add(1)
	return ch, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.subs, ch)
		b.waiting.Add(-1)
	}
}

// ring wakes those who wait for the plan.
func (b *bell) ring(id plan.ID) {
	if b.waiting.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for ch, want := range b.subs {
		if want == id {
			poke(ch)
		}
	}
}

// poke makes sure that ch, which has room for one value, holds one.
func poke(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
