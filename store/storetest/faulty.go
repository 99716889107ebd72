package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// ErrInjected is the fault inside every *store.TemporaryError that a [FaultyStore]
// makes up.
var ErrInjected = errors.New("storetest: injected fault")

// FaultConfig says what goes wrong, and how often. Probabilities are from 0 to 1.
type FaultConfig struct {
	// Seed makes the faults the same again for the same calls in the same order.
	Seed uint64
	// Before is the probability that a call fails before it took effect.
	Before float64
	// After is the probability that a call takes effect and its answer is lost.
	After float64
	// Delay is the probability that a call takes longer, by up to MaxDelay.
	Delay    float64
	MaxDelay time.Duration
	// DropHints is the probability that a hint is lost.
	DropHints float64
}

// FaultyStore is a store seen over a bad line, by one engine: wrap the same store
// once for each. It is armed at first.
type FaultyStore struct {
	store.Store // the one it stands before, intercepted
	cfg         FaultConfig

	mu       sync.Mutex
	rand     *rand.Rand
	disarmed bool
	cut      bool
	injected int
}

var _ store.Store = (*FaultyStore)(nil)

// Faulty puts faults between a store and its user.
func Faulty(s store.Store, c FaultConfig) *FaultyStore {
	f := &FaultyStore{cfg: c, rand: rand.New(rand.NewPCG(c.Seed, 1))}
	f.Store = Intercept(s, f.pass)
	return f
}

// Disarm stops the random faults.
func (f *FaultyStore) Disarm() { f.set(&f.disarmed, true) }

// Arm lets the random faults happen again.
func (f *FaultyStore) Arm() { f.set(&f.disarmed, false) }

// Partition makes every call fail, without effect, and every hint be lost.
func (f *FaultyStore) Partition() { f.set(&f.cut, true) }

// Heal ends a partition.
func (f *FaultyStore) Heal() { f.set(&f.cut, false) }

func (f *FaultyStore) set(flag *bool, to bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*flag = to
}

// Injected returns how many calls have failed and hints have been lost so far.
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

// draw decides the fate of the next call. It draws the same number of random
// values whatever the outcome, so that a disarmed stretch shifts nothing but time.
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

// hint reports whether the next hint arrives.
func (f *FaultyStore) hint() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost := f.rand.Float64() < f.cfg.DropHints && !f.disarmed || f.cut
	if lost {
		f.injected++
	}
	return !lost
}

// pass makes a call, or does not, and passes its answer on, or does not.
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
func (f *FaultyStore) Listen(ctx context.Context, hint func(plan.ID)) error {
	if f.draw().before {
		return &store.TemporaryError{Err: ErrInjected}
	}
	return f.Store.Listen(ctx, func(id plan.ID) {
		if f.hint() {
			hint(id)
		}
	})
}
