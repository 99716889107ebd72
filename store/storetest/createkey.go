package storetest

import (
	"sync"
	"time"

	"github.com/cutover-go/cutover/store"
)

// keyed returns the input of a creation with an idempotency key.
func (e *env) keyed(key, hash string) store.Create {
	a := e.announce(1, concurrently(1))
	a.Plan.IdempotencyKey, a.Hash = key, hash
	return a
}

func createKey(e *env) {
	c, err := e.BeginCreate(e.ctx, e.keyed("key", "hash"))
	e.ok(err)
	e.addAll(c, 1)
	e.ok(e.FinishCreate(e.ctx, c))
	again, err := e.BeginCreate(e.ctx, e.keyed("key", "hash"))
	e.ok(err)
	equal(e, "exists", again.Exists, true)
	equal(e, "plan", again.ID, c.ID)
	_, err = e.BeginCreate(e.ctx, e.keyed("key", "other"))
	e.is(err, store.ErrKeyReused)
	other, err := e.BeginCreate(e.ctx, e.keyed("other key", "hash"))
	e.ok(err)
	equal(e, "another key's plan exists", other.Exists, false)
	for range 2 { // without a key every call begins a new creation
		c, err := e.BeginCreate(e.ctx, e.keyed("", "hash"))
		e.ok(err)
		equal(e, "a plan without key exists", c.Exists, false)
	}
}

func createKeyConcurrent(e *env) {
	const rivals = 8
	var mu sync.Mutex
	var group sync.WaitGroup
	began := 0
	for range rivals {
		a := e.keyed("key", "hash")
		group.Go(func() {
			c, err := e.BeginCreate(e.ctx, a)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && !c.Exists {
				began++
			} else {
				e.is(err, store.ErrCreating)
			}
		})
	}
	group.Wait()
	equal(e, "creations under one key", began, 1)
}

func createKeyCreating(e *env) {
	a := e.keyed("key", "hash")
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	_, err = e.BeginCreate(e.ctx, e.keyed("key", "hash"))
	e.is(err, store.ErrCreating)
	e.outlast(e.h.TTL)
	e.removeAll(c.ID)
	next, err := e.BeginCreate(e.ctx, e.keyed("key", "other"))
	e.ok(err)
	equal(e, "exists", next.Exists, false)
	e.addAll(next, 1)
	e.ok(e.FinishCreate(e.ctx, next))
}

// createKeyAgain: the answer to BeginCreate is lost or late. The same creator continues its
// creation; others get ErrCreating.
func createKeyAgain(e *env) {
	a := e.announce(150, concurrently(1))
	a.Plan.IdempotencyKey = "key"
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	again := func(want store.Creation) {
		e.Helper()
		got, err := e.BeginCreate(e.ctx, a)
		e.ok(err)
		equal(e, "creation begun again", got, want)
	}
	again(c)
	e.ok(e.AddTenants(e.ctx, c, 1, tenants(1, 100)))
	again(c)
	other := a
	other.Mark = e.unique("mark")
	_, err = e.BeginCreate(e.ctx, other)
	e.is(err, store.ErrCreating)
	other = a
	other.Hash = "other"
	_, err = e.BeginCreate(e.ctx, other)
	e.is(err, store.ErrCreating)
	e.addAll(c, 150) // from the first tenant on
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
	again(store.Creation{ID: c.ID, Exists: true})
	plans, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	equal(e, "plans", len(plans), 1)
}

// createKeyAgainConcurrent: if requests that their caller has abandoned arrive together with its
// next request, all of them get the same creation.
func createKeyAgainConcurrent(e *env) {
	a := e.keyed("key", "hash")
	var begun [8]store.Creation
	var group sync.WaitGroup
	for i := range begun {
		group.Go(func() {
			c, err := e.BeginCreate(e.ctx, a)
			if err != nil {
				e.Errorf("begun again at once: %v", err)
			}
			begun[i] = c
		})
	}
	group.Wait()
	for _, c := range begun {
		equal(e, "creation begun again at once", c, begun[0])
	}
	e.addAll(begun[0], 1)
	e.ok(e.FinishCreate(e.ctx, begun[0]))
	e.plans = append(e.plans, begun[0].ID)
}

// createKeyAgainSlow: a repeated BeginCreate renews the TTL of the creation.
func createKeyAgainSlow(e *env) {
	var c store.Creation
	e.inTime(func(ttl time.Duration) bool {
		a := e.keyed("key of "+ttl.String(), "hash")
		a.TTL = ttl
		begun := time.Now() // before the last call that renewed the TTL
		var err error
		c, err = e.BeginCreate(e.ctx, a)
		e.ok(err)
		for range 3 {
			time.Sleep(ttl / 2)
			again := time.Now()
			got, err := e.BeginCreate(e.ctx, a)
			e.ok(err)
			equal(e, "creation begun again", got, c)
			_, err = e.Remove(e.ctx, c.ID)
			if time.Since(begun) >= ttl {
				return false
			}
			begun = again
			e.is(err, store.ErrConflict)
		}
		return true
	})
	e.addAll(c, 1)
	e.ok(e.FinishCreate(e.ctx, c))
	e.plans = append(e.plans, c.ID)
}

// createKeyAgainGivenUp: a creation that was removed is not continued; BeginCreate begins another.
func createKeyAgainGivenUp(e *env) {
	a := e.keyed("key", "hash")
	a.TTL = e.h.TTL
	c, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	e.outlast(e.h.TTL)
	e.removeAll(c.ID)
	next, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	if next.ID == c.ID || next.Exists {
		e.Errorf("%+v was removed, and begun again is %+v", c, next)
	}
	e.addAll(next, 1)
	e.ok(e.FinishCreate(e.ctx, next))
	e.plans = append(e.plans, next.ID)
}

// createAgainWithoutKey: without a key, a repeated BeginCreate may leave the first creation without
// a creator. It then expires.
func createAgainWithoutKey(e *env) {
	a := e.announce(1, concurrently(1))
	a.TTL = e.h.TTL
	first, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	second, err := e.BeginCreate(e.ctx, a)
	e.ok(err)
	equal(e, "exists", second.Exists, false)
	e.addAll(second, 1)
	e.ok(e.FinishCreate(e.ctx, second))
	e.plans = append(e.plans, second.ID)
	if first.ID != second.ID {
		e.outlast(e.h.TTL)
		equal(e, "a creation", e.mustBeDue(first.ID).Creating, true)
		e.removeAll(first.ID)
	}
	plans, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	equal(e, "plans", len(plans), 1)
}
