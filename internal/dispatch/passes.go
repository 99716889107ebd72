package dispatch

import (
	"context"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

const (
	// maxPasses bounds how many passes are under way at once.
	maxPasses = 1000
	// slowPass is how long others wait for a pass.
	slowPass = 20 * time.Millisecond
)

// passes are the reconciliations of plans that are under way in this process, one per plan. Several
// go on at once: the store may keep one waiting for long, because the part of it that has the plan
// is away, and that delays no other plan. It is safe for concurrent use.
type passes struct {
	reconcile func(context.Context, store.DuePlan)
	// putOff lets a plan rest meanwhile.
	putOff func(context.Context, store.DuePlan)

	mu       sync.Mutex
	underWay map[plan.ID]*pass
	all      sync.WaitGroup
}

// pass is one reconciliation of a plan.
type pass struct {
	again bool // the plan has become due anew meanwhile
	next  store.DuePlan
}

// begin begins a pass, or has the one that is under way repeated. The channel is closed when the
// pass has ended, or when it is not worth waiting for: then the plan is put off, so that it hides
// no other.
func (ps *passes) begin(ctx context.Context, d store.DuePlan) (settled <-chan struct{}) {
	done := make(chan struct{})
	if !ps.add(d) {
		ps.putOff(ctx, d)
		close(done)
		return done
	}
	slow := time.AfterFunc(slowPass, func() {
		defer close(done)
		ps.putOff(ctx, d)
	})
	ps.all.Go(func() {
		defer func() {
			if slow.Stop() {
				close(done)
				return
			}
			<-done // its owner waits for the timer's goroutine, too
		}()
		for due, more := d, true; more; due, more = ps.next(due.ID) {
			ps.reconcile(ctx, due)
		}
	})
	return done
}

// add notes that a pass begins. It does not if one is under way, or too many are.
func (ps *passes) add(d store.DuePlan) bool {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if now := ps.underWay[d.ID]; now != nil {
		now.again = true
		if d.Stamp >= now.next.Stamp {
			now.next = d
		}
		return false
	}
	if len(ps.underWay) >= maxPasses {
		return false
	}
	ps.underWay[d.ID] = new(pass)
	return true
}

// next ends a pass, unless it has to be repeated.
func (ps *passes) next(id plan.ID) (d store.DuePlan, more bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	now := ps.underWay[id]
	if now.again {
		ps.underWay[id] = new(pass)
		return now.next, true
	}
	delete(ps.underWay, id)
	return d, false
}

// wait waits until no pass is under way.
func (ps *passes) wait() { ps.all.Wait() }
