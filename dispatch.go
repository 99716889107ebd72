package cutover

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// duePage is how many due plans are asked for at once.
const duePage = 100

// dispatch looks at the plans that are due and hands out this process's slots,
// until ctx ends.
func (e *Engine) dispatch(ctx context.Context) {
	poll := time.NewTimer(0)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
			e.visit(ctx)
			poll.Reset(jitter(e.cfg.PollInterval))
		case <-e.slots.due:
			e.visit(ctx)
		case <-e.slots.signal:
		}
		for _, id := range e.slots.takeWanted() {
			e.look(ctx, id)
		}
		e.fill(ctx)
	}
}

// visit looks at all plans that are due.
func (e *Engine) visit(ctx context.Context) {
	for ctx.Err() == nil {
		due, err := e.store.Due(ctx, duePage)
		e.fault("due", err)
		rested := 0
		for _, d := range due {
			if e.lookDue(ctx, d) {
				rested++
			}
		}
		// A full page of which some were put to rest may hide further plans.
		if len(due) < duePage || rested == 0 {
			return
		}
	}
}

// lookDue looks at a due plan and lets it rest until it has to be looked at again.
// It reports whether it rests.
func (e *Engine) lookDue(ctx context.Context, d store.DuePlan) bool {
	if d.Creating {
		e.remove(ctx, d.ID)
		return false
	}
	rest, ok := e.look(ctx, d.ID)
	if !ok || rest == 0 {
		return false
	}
	err := e.store.Rest(ctx, d.ID, d.Stamp, rest)
	e.fault("rest", err)
	return err == nil
}

// fill claims tasks for the slots that are free, plan by plan, the least recently
// served first.
func (e *Engine) fill(ctx context.Context) {
	for ctx.Err() == nil {
		l := e.lease.Load()
		if l == nil || !l.alive() {
			return
		}
		info, n := e.slots.take()
		if n == 0 {
			return
		}
		tasks, claimable := e.claim(l, info, min(n, store.MaxBatch))
		e.slots.offer(info, claimable)
		for _, t := range tasks {
			e.start(l, info, t)
		}
		if unused := n - len(tasks); unused > 0 {
			e.slots.giveBack(unused)
		}
	}
}

// claim takes up to n tasks of a plan.
func (e *Engine) claim(l *lease, info *planInfo, n int) (tasks []task.Task, claimable bool) {
	b := store.Batch{Plan: info.id, Claim: store.Claim{ID: newID(), Worker: l.name, Max: n}}
	err := e.retry(l.ctx, "claim", l.left(), func() error { return e.store.Commit(l.ctx, &b) })
	if err != nil {
		e.fault("claim", err)
		e.jobs.doubt(info.id)
		return nil, false
	}
	return b.Claimed, b.View.Claimable
}

// infoOf returns what workers have to know of p, or nil if its executor type is
// unknown here.
func (e *Engine) infoOf(p plan.Plan) *planInfo {
	x, known := e.cfg.Executors[p.ExecutorType]
	if !known {
		return nil
	}
	return &planInfo{
		id: p.ID, typeName: p.ExecutorType, executor: x,
		parameters: p.Parameters, startToken: p.StartToken,
	}
}
