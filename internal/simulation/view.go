package simulation

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

var (
	errLost = errors.New("connection lost")
	errDead = errors.New("this process is dead")
)

// view is the connection of one process to the store, with all its faults. Like storetest.Faulty it
// loses and delays calls; in addition each call takes time both ways, requests may arrive after
// their caller has given up, and a process freezes or crashes together with its executors.
type view struct {
	store.Store // the store of the world, intercepted
	p           *process

	mu   sync.Mutex
	dice *rand.Rand
}

func newView(p *process) *view {
	v := &view{p: p, dice: p.w.dice("view", p.name)}
	v.Store = storetest.Intercept(p.w.store, v.call)
	return v
}

// weather is the faults and delays of one call.
type weather struct {
	there, back time.Duration
	lostThere   bool
	lostBack    bool
	late        time.Duration // 0 if the request is not late
}

func (v *view) weather() weather {
	v.mu.Lock()
	defer v.mu.Unlock()
	t, r := v.p.w.temper, v.dice
	x := weather{there: during(r, 3*time.Millisecond), back: during(r, 3*time.Millisecond)}
	lost, late, slow, hiccup := r.Float64(), r.Float64(), r.Float64(), r.IntN(8) == 0
	if v.p.w.calm.Load() {
		return x
	}
	if hiccup {
		x.there, x.back = during(r, t.Hiccup), during(r, t.Hiccup)
	}
	switch {
	case slow < t.Slow/2:
		x.there = during(r, 2*leaseTTL)
	case slow < t.Slow:
		x.back = during(r, 2*leaseTTL)
	}
	switch {
	case lost < t.Lost/2:
		x.lostThere = true
	case lost < t.Lost:
		x.lostBack = true
	}
	if late < t.Late {
		x.late = during(r, leaseTTL)
	}
	return x
}

// repeatable are the methods whose requests may arrive after their caller has given up. A late
// request of another method would change nothing, or do what no engine can still want.
var repeatable = []string{ //nolint:gochecknoglobals // a constant table
	"BeginCreate", "AddTenants", "FinishCreate", "Commit", "Claim", "Apply", "Reserve", "Replace", "Release",
	"Occupy", "Vacate",
}

// call passes a call to the store, with the faults and delays that were drawn for it.
func (v *view) call(ctx context.Context, c storetest.Call) error {
	if !v.p.alive() {
		return errDead
	}
	x := v.weather()
	if err := pass(ctx, x.there); err != nil {
		return err
	}
	if x.late > 0 && slices.Contains(repeatable, c.Method) {
		v.p.w.logf("%s: %s arrives %s late", v.p.name, c.Method, x.late)
		v.p.w.loose.Go(func() {
			time.Sleep(x.late)
			c.DoUnheard(context.WithValue(context.WithoutCancel(ctx), late{}, true))
		})
		return &store.TemporaryError{Err: errLost}
	}
	if x.lostThere {
		v.p.w.logf("%s: %s is lost", v.p.name, c.Method)
		return &store.TemporaryError{Err: errLost}
	}
	if !v.p.alive() {
		return errDead
	}
	err := c.Do(ctx)
	if x.lostBack {
		v.p.w.logf("%s: the answer to %s is lost", v.p.name, c.Method)
		return &store.TemporaryError{Err: errLost}
	}
	if e := pass(ctx, x.back); e != nil {
		return e
	}
	if !v.p.alive() {
		return errDead
	}
	return err
}

// pass waits for d or the end of ctx.
func pass(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Listen implements store.Agenda. It drops hints while the process is frozen, and at random.
func (v *view) Listen(ctx context.Context, hint func(store.Hint)) error {
	return v.Store.Listen(ctx, func(h store.Hint) {
		if v.p.icy() || v.weather().lostBack {
			return
		}
		hint(h)
	})
}
