// Package signal wakes goroutines of this process that wait for something to change. A signal is a
// hint: whoever waits for one polls as well, and looks at what has changed after it woke.
package signal

import (
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/plan"
)

// Flag is raised by any number of goroutines and lowered by the one that waits for it. Several
// raises before it is received count as one, so none is lost and nobody blocks.
type Flag chan struct{}

// NewFlag returns a flag that is not raised.
func NewFlag() Flag { return make(Flag, 1) }

// Raise makes sure that a receive from f succeeds.
func (f Flag) Raise() {
	select {
	case f <- struct{}{}:
	default:
	}
}

// Broadcaster tells everyone in this process who waits for a plan that it may have changed. It is
// safe for concurrent use.
type Broadcaster struct {
	subscribers atomic.Int64 // so that a notification for nobody takes no lock

	mu   sync.Mutex
	subs map[Flag]plan.ID
}

// NewBroadcaster returns a broadcaster that nobody has subscribed to.
func NewBroadcaster() *Broadcaster { return &Broadcaster{subs: make(map[Flag]plan.ID)} }

// Subscribe returns a flag that is raised by each notification of the plan, until cancel is called.
func (b *Broadcaster) Subscribe(id plan.ID) (changed Flag, cancel func()) {
	f := NewFlag()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.subs[f] = id
	b.subscribers.Add(1)
	return f, func() { b.unsubscribe(f) }
}

func (b *Broadcaster) unsubscribe(f Flag) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, there := b.subs[f]; there {
		delete(b.subs, f)
		b.subscribers.Add(-1)
	}
}

// Notify raises the flags of those who have subscribed to the plan.
func (b *Broadcaster) Notify(id plan.ID) {
	if b.subscribers.Load() == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for f, want := range b.subs {
		if want == id {
			f.Raise()
		}
	}
}
