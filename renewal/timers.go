package renewal

import (
	"math"
	"sync"

	"github.com/cutover-go/cutover/internal/wheel"
)

// timers is the timing wheel with its lock. It also wakes the clock's goroutine.
type timers[T any] struct {
	wake chan struct{}

	mu    sync.Mutex
	wheel *wheel.Wheel[T]
	// sleep is the tick until which the clock sleeps; 0 while it is awake.
	sleep uint64
}

// perLock is the maximum number of timers that are taken from the wheel each time the lock is held.
const perLock = 1024

// parked is the value of sleep while there is no timer to wait for.
const parked = math.MaxUint64

func newTimers[T any]() *timers[T] {
	return &timers[T]{wheel: wheel.New[T](0), wake: make(chan struct{}, 1)}
}

// set replaces a timer by one that fires at a tick, and wakes the clock if it sleeps longer.
func (t *timers[T]) set(old wheel.Handle, tick uint64, v T) wheel.Handle {
	t.mu.Lock()
	t.wheel.Cancel(old)
	timer := t.wheel.Add(tick, v)
	early := tick < t.sleep
	if early {
		t.sleep = 0
	}
	t.mu.Unlock()
	if early {
		t.rouse()
	}
	return timer
}

func (t *timers[T]) cancel(timer wheel.Handle) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.wheel.Cancel(timer)
}

func (t *timers[T]) rouse() {
	select {
	case t.wake <- struct{}{}:
	default: // a wake-up is pending already
	}
}

// fired overwrites out, up to its capacity, with the values whose timers are due by now, and
// reports whether there may be more.
func (t *timers[T]) fired(now uint64, out []T) (fired []T, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.wheel.Advance(now, out[:0])
}

// sleepUntil returns the tick until which the clock may sleep. From then on, a timer that is set to
// an earlier tick wakes the clock.
func (t *timers[T]) sleepUntil() uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	next, ok := t.wheel.Next()
	if !ok {
		next = parked
	}
	t.sleep = next
	return next
}
