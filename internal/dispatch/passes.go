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
	// slowPass is how long the dispatcher waits for a pass before it puts the plan off.
	slowPass = 20 * time.Millisecond
)

// passes are the reconciliations under way in this process, at most one per plan. They run
// concurrently: if one has to wait for the store, for instance because the shard with its plan is
// unreachable, it delays no other plan. It is safe for concurrent use.
type passes struct {
	reconcile func(context.Context, store.DuePlan)
	// putOff reschedules a plan whose pass nobody waits for.
	putOff func(context.Context, store.DuePlan)

	mu       sync.Mutex
	underWay map[plan.ID]*pass
	all      sync.WaitGroup
}

// pass is one reconciliation of a plan.
type pass struct {
	again bool // the plan became due again during the pass
	next  store.DuePlan
}

// begin begins a pass. The channel is closed when the pass has ended. If the pass takes longer than
// slowPass, the plan is put off and the channel is closed then. If a pass over the plan is under
// way already, that pass will be repeated; in this case, and if too many passes are under way,
// begin puts the plan off and closes the channel at once. So the plan does not starve the others.
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
			<-done // the timer has fired: wait must not return before the timer's function has ended
		}()
		for due, more := d, true; more; due, more = ps.next(due.ID) {
			ps.reconcile(ctx, due)
		}
	})
	return done
}

// add records that a pass begins, and reports whether it may. The pass may not begin if too many
// are under way, or if one is under way for the plan; add then marks the pass under way to be
// repeated.
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

// next returns what to reconcile if the pass has to be repeated; otherwise it ends the pass.
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
