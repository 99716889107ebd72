package storetest

import (
	"context"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// certainFor is for how long after a command a plan stays put off: a store may make it due again a
// few seconds after.
const certainFor = 4 * time.Second

// onAgenda is the model of a plan's entry on the agenda. It sees all calls of the machine.
type onAgenda struct {
	store.Store
	forAll  bool // it is due for every engine
	unknown bool // it may be due for every engine, or not
	woken   time.Time
	left    string // the executor to which it was left
}

func (a *onAgenda) wake(surely bool) {
	a.woken = time.Now()
	a.forAll, a.unknown = a.forAll || surely, !surely && !a.forAll
}

func (a *onAgenda) FinishCreate(ctx context.Context, c store.Creation) error {
	err := a.Store.FinishCreate(ctx, c)
	a.wake(err == nil)
	return err
}

func (a *onAgenda) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	applied, err := a.Store.Apply(ctx, c)
	a.wake(err == nil && !applied.Repeated)
	return applied, err
}

func (a *onAgenda) Commit(ctx context.Context, b *store.Batch) error {
	err := a.Store.Commit(ctx, b)
	for i := range b.Changes {
		if b.Changes[i].Kind == store.Yield { // it may be a repeated one, or refused
			a.wake(false)
		}
	}
	return err
}

// step compares for whom the plan is due, and then says when it is due again. call repeats a call
// until it succeeds.
func (a *onAgenda) step(ctx context.Context, rt *rapid.T, id plan.ID, call func(*rapid.T, func() error)) {
	entry := func(executors ...string) (found *store.DuePlan) {
		call(rt, func() error {
			due, err := a.Due(ctx, executors, 0)
			if i := slices.IndexFunc(due, func(d store.DuePlan) bool { return d.ID == id }); i >= 0 {
				found = &due[i]
			}
			return err
		})
		return found
	}
	executors := []string{"", "X", "Y", "o\x00\n d"}
	now := entry(executors...)
	known := !a.unknown && time.Since(a.woken) < certainFor
	for _, x := range executors {
		want := a.forAll || x != "" && x == a.left
		if is := entry(x) != nil; is != want && (want || known) {
			rt.Fatalf("due for %q: %t, want %t", x, is, want)
		}
	}
	if now == nil {
		call(rt, func() error { return a.Remind(ctx, map[plan.ID]time.Duration{id: 0}) })
		a.forAll, a.unknown = true, false
		return
	}
	next := store.Next{
		After:    rapid.SampledFrom([]time.Duration{0, time.Hour, -1}).Draw(rt, "after"),
		Executor: rapid.SampledFrom(executors).Draw(rt, "executor"),
	}
	if rapid.IntRange(0, 4).Draw(rt, "stale") == 0 {
		call(rt, func() error { return a.Reschedule(ctx, id, now.Stamp-1, next) })
		return
	}
	call(rt, func() error { return a.Reschedule(ctx, id, now.Stamp, next) })
	a.forAll, a.unknown, a.left = next.After == 0, false, next.Executor
}
