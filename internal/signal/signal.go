// Package signal wakes goroutines of this process that wait for a change. A signal is a hint: a
// waiter also polls, and after it wakes it reads what has changed.
package signal

import (
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/plan"
)

// Flag can be raised by any number of goroutines; the goroutine that receives from it lowers it.
// Several raises before a receive count as one, so Raise never blocks and no change is missed.
type Flag chan struct{}

// NewFlag returns a flag that is not raised.
func NewFlag() Flag { return make(Flag, 1) }

// Raise raises the flag: the next receive from f succeeds. It never blocks.
func (f Flag) Raise() {
	select {
	case f <- struct{}{}:
	default:
	}
}

// Lower lowers the flag, if it is raised.
func (f Flag) Lower() {
	select {
	case <-f:
	default:
	}
}

// Broadcaster notifies the subscribers of a plan, in this process, that it may have changed. It is
// safe for concurrent use.
type Broadcaster struct {
	subscribers atomic.Int64 // read without the lock: Notify returns early if there are none

	mu   sync.Mutex
	subs map[Flag]plan.ID
	taps map[*func(plan.ID)]struct{}
}

// NewBroadcaster returns a broadcaster without subscribers.
func NewBroadcaster() *Broadcaster {
	return &Broadcaster{subs: make(map[Flag]plan.ID), taps: make(map[*func(plan.ID)]struct{})}
}

// Tap calls f for each notification of any plan, until cancel is called. f must not block.
func (b *Broadcaster) Tap(f func(plan.ID)) (cancel func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.taps[&f] = struct{}{}
	b.subscribers.Add(1)
	return sync.OnceFunc(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.taps, &f)
		b.subscribers.Add(-1)
	})
}

// Subscribe returns a flag that each notification of the plan raises, until cancel is called.
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

// Notify raises the flags of the plan's subscribers, and calls the taps.
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
	for f := range b.taps {
		(*f)(id)
	}
}
