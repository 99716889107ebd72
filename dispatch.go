package cutover

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/lease"
	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// duePage is how many due plans are asked for at once, maxVisited how many are
// looked at before the claims get their turn.
const (
	duePage    = 100
	maxVisited = 1000
)

// dispatch looks at the plans that are due and, beside that, hands out this process's
// capacity, until ctx ends.
func (e *Engine) dispatch(ctx context.Context) {
	pending := signal.NewFlag()
	var claims sync.WaitGroup
	claims.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-e.capacity.Changed():
				pending.Raise()
				e.fill(ctx)
			}
		}
	})
	defer claims.Wait()
	defer e.looks.wait()
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			e.visit(ctx)
			poll.Reset(wait.Jitter(e.cfg.PollInterval))
		case <-e.due:
			e.visit(ctx)
		case <-pending:
		}
		for _, id := range e.capacity.Pending() {
			e.looks.begin(ctx, store.DuePlan{ID: id})
		}
	}
}

// visit looks at the plans that are due, each once. It waits for no look for long.
func (e *Engine) visit(ctx context.Context) {
	seen := make(map[plan.ID]struct{})
	for ctx.Err() == nil && len(seen) < maxVisited {
		due, err := e.store.Due(ctx, duePage)
		e.client.Fault("due", err)
		var begun []<-chan struct{}
		for _, d := range due {
			if _, again := seen[d.ID]; !again {
				seen[d.ID] = struct{}{}
				begun = append(begun, e.looks.begin(ctx, d))
			}
		}
		for _, settled := range begun {
			<-settled
		}
		if len(due) < duePage || len(begun) == 0 {
			return
		}
	}
}

// lookDue looks at a plan and lets it rest until it has to be looked at again. One that
// stays due goes behind the others, so that plans which cannot go on, or not here, hide
// none.
func (e *Engine) lookDue(ctx context.Context, d store.DuePlan) {
	if d.Creating {
		e.client.Fault("remove", e.remove(ctx, d.ID))
		return
	}
	rest, ok := e.look(ctx, d)
	if !ok {
		rest = e.cfg.PollInterval
	}
	if d.Stamp != 0 {
		e.client.Fault("reschedule", e.store.Reschedule(ctx, d.ID, d.Stamp, rest))
	}
}

// fill shares out the capacity that is free, plan by plan, the least recently served
// first. The claims of several plans are under way at once.
func (e *Engine) fill(ctx context.Context) {
	for ctx.Err() == nil {
		l := e.keeper.Current()
		if l == nil || !l.Alive() {
			return
		}
		p, n := e.capacity.Next()
		if n == 0 {
			return
		}
		e.pool.Go(func() { e.serve(l, p, n) })
	}
}

// serve claims tasks of a plan with capacity for n of them, and gives back what it finds
// no task for.
func (e *Engine) serve(l *lease.Lease, p *capacity.Plan, n int) {
	tasks, claimable := e.claim(l, p, min(n, store.MaxBatch))
	e.capacity.ClaimDone(p, claimable)
	for _, t := range tasks {
		e.pool.Start(l, p, t)
	}
	e.capacity.Release(n - len(tasks))
}

// claim takes up to n tasks of a plan.
func (e *Engine) claim(l *lease.Lease, p *capacity.Plan, n int) (tasks []task.Task, claimable bool) {
	b := store.Batch{Plan: p.ID, Claim: store.Claim{ID: rand.Text(), Worker: l.Name(), Max: n}}
	err := e.client.Retry(l.Context(), "claim", l.Left(), func() error {
		err := e.store.Commit(l.Context(), &b)
		if err != nil {
			e.registry.MarkUncertain(p.ID)
		}
		return err
	})
	if err != nil {
		e.client.Fault("claim", err)
		return nil, false
	}
	return b.Claimed, b.View.Claimable
}

// capacityPlan returns what workers have to know of p, or nil if its executor type is
// unknown here.
func (e *Engine) capacityPlan(p plan.Plan) *capacity.Plan {
	x, known := e.cfg.Executors[p.ExecutorType]
	if !known {
		return nil
	}
	return &capacity.Plan{
		ID: p.ID, ExecutorType: p.ExecutorType, Executor: x,
		Parameters: p.Parameters, StartToken: p.StartToken,
	}
}
