package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cutover-go/cutover/store"
)

// ErrInjected is the error inside every *store.TemporaryError that a [FaultyStore] injects.
var ErrInjected = errors.New("storetest: injected fault")

// FaultConfig specifies which faults occur, and how often. Probabilities are from 0 to 1.
type FaultConfig struct {
	// Seed determines the faults: the same calls in the same order meet the same faults.
	Seed uint64
	// Before is the probability that a call fails without taking effect.
	Before float64
	// After is the probability that a call takes effect and its answer is lost.
	After float64
	// Delay is the probability that a call is delayed, by up to MaxDelay.
	Delay    float64
	MaxDelay time.Duration
	// DropHints is the probability that a hint is lost.
	DropHints float64
}

// FaultyStore is a store as one engine sees it over an unreliable connection. To test several
// engines, wrap the same store once for each. Its faults are armed at first.
type FaultyStore struct {
	store.Store // the wrapped store, intercepted
	cfg         FaultConfig

	mu       sync.Mutex
	rand     *rand.Rand
	disarmed bool
	cut      bool
	injected int
}

var _ store.Store = (*FaultyStore)(nil)

// Faulty wraps a store so that its calls fail as c specifies.
func Faulty(s store.Store, c FaultConfig) *FaultyStore {
	f := &FaultyStore{cfg: c, rand: rand.New(rand.NewPCG(c.Seed, 1))}
	f.Store = Intercept(s, f.pass)
	return f
}

// Disarm turns the random faults off.
func (f *FaultyStore) Disarm() { f.set(&f.disarmed, true) }

// Arm turns the random faults on again.
func (f *FaultyStore) Arm() { f.set(&f.disarmed, false) }

// Partition makes every call fail without effect and drops every hint, until Heal is called.
func (f *FaultyStore) Partition() { f.set(&f.cut, true) }

// Heal ends a partition.
func (f *FaultyStore) Heal() { f.set(&f.cut, false) }

func (f *FaultyStore) set(flag *bool, to bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*flag = to
}

// Injected returns the number of calls that have failed and hints that were lost so far.
func (f *FaultyStore) Injected() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.injected
}

// fate is what happens to one call.
type fate struct {
	delay         time.Duration
	before, after bool
}

// draw decides the fate of the next call. It always draws the same number of random values, so a
// disarmed period does not change the faults after it.
func (f *FaultyStore) draw() fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	before, after, late, by := f.rand.Float64(), f.rand.Float64(), f.rand.Float64(), f.rand.Float64()
	var d fate
	if !f.disarmed {
		d.before, d.after = before < f.cfg.Before, after < f.cfg.After
		if late < f.cfg.Delay {
			d.delay = time.Duration(by * float64(f.cfg.MaxDelay))
		}
	}
	d.before = d.before || f.cut
	if d.before || d.after {
		f.injected++
	}
	return d
}

// hint reports whether the next hint is delivered.
func (f *FaultyStore) hint() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.rand.Float64() < f.cfg.DropHints && !f.disarmed || f.cut
	if lost {
		f.injected++
	}
	return !lost
}

// pass makes a call and returns its error, unless a fault is drawn for the call or its answer.
func (f *FaultyStore) pass(ctx context.Context, c Call) error {
	d := f.draw()
	if d.delay > 0 {
		select {
		case <-time.After(d.delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if d.before {
		return &store.TemporaryError{Err: ErrInjected}
	}
	err := c.Do(ctx)
	if d.after {
		return &store.TemporaryError{Err: ErrInjected}
	}
	return err
}

// Listen implements store.Agenda.
func (f *FaultyStore) Listen(ctx context.Context, hint func(store.Hint)) error {
	if f.draw().before {
		return &store.TemporaryError{Err: ErrInjected}
	}
	return f.Store.Listen(ctx, func(h store.Hint) {
		if f.hint() {
			hint(h)
		}
	})
}
