package cutover

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// cleaner frees the locks that plans at rest have left behind and do not need: of tasks
// that were stopped where no worker ran them, of workers that died before they could free
// the tenant, of commands and starts that were given up, and of every task of a plan that
// is over. It walks over the tenants of a plan in bounded steps, plan by plan in turn, in
// a goroutine of its own, so that a large plan keeps nobody waiting. Until the walk has
// come to its end the plan stays on the agenda: if this process ends, another begins anew.
type cleaner struct {
	e    *Engine
	more signal.Flag

	mu    sync.Mutex
	queue []cleaning
	// known are the plans in the queue, and those done that nobody has asked about since.
	known map[plan.ID]cleaned
}

// cleaning is the walk over the tenants of a plan as it is at a version.
type cleaning struct {
	id      plan.ID
	version uint64
	late    bool // it began when no request can be on its way any more
	after   int  // the last ordinal that is dealt with
}

// cleaned tells how far the walk at a version is.
type cleaned struct {
	version uint64
	late    bool
	done    bool
}

const (
	// cleanPage is how many tenants one step looks at.
	cleanPage = 1000
	// maxCleaned bounds what is remembered of plans that other processes let rest.
	maxCleaned = 10_000
)

func newCleaner(e *Engine) *cleaner {
	return &cleaner{e: e, more: signal.NewFlag(), known: make(map[plan.ID]cleaned)}
}

// clean sees to it that the locks are freed that a plan at rest does not need, and reports
// whether that is done.
func (c *cleaner) clean(p plan.Plan) (done bool) {
	if !everLocked(p) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	late := p.Idle >= lateness
	now, known := c.known[p.ID]
	if known && now.version == p.Version && now.late == late {
		if now.done {
			delete(c.known, p.ID)
		}
		return now.done
	}
	if len(c.known) >= maxCleaned {
		c.known = make(map[plan.ID]cleaned)
	}
	c.known[p.ID] = cleaned{version: p.Version, late: late}
	c.queue = append(c.queue, cleaning{id: p.ID, version: p.Version, late: late})
	c.more.Raise()
	return false
}

// everLocked reports whether somebody may have taken locks for a plan: it was started, or
// that was tried.
func everLocked(p plan.Plan) bool { return p.State != plan.Created || p.Version > 1 }

// run cleans until ctx ends.
func (c *cleaner) run(ctx context.Context) {
	for ctx.Err() == nil {
		next, waiting := c.next()
		if !waiting {
			select {
			case <-c.more:
			case <-ctx.Done():
			}
			continue
		}
		after, err := c.step(ctx, next)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict) {
			err = nil // it is gone, or will be looked at again
		}
		c.e.fault("clean", err)
		c.stepped(next, after)
	}
}

// next takes the first walk from the queue.
func (c *cleaner) next() (cleaning, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return cleaning{}, false
	}
	first := c.queue[0]
	c.queue = c.queue[1:]
	return first, true
}

// stepped puts a walk behind the others, at the ordinal to go on after. 0 means that it is
// done, and a negative one that it was broken off.
func (c *cleaner) stepped(w cleaning, after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[w.id] != (cleaned{version: w.version, late: w.late}) {
		return // another walk over the plan has begun
	}
	switch {
	case after > 0:
		w.after = after
		c.queue = append(c.queue, w)
	case after == 0:
		c.known[w.id] = cleaned{version: w.version, late: w.late, done: true}
	default:
		delete(c.known, w.id)
	}
}

// step looks at some tenants and returns the ordinal after which to go on.
func (c *cleaner) step(ctx context.Context, w cleaning) (after int, err error) {
	p, err := c.e.readPlan(ctx, w.id)
	if err != nil {
		return -1, err
	}
	if p.Version != w.version || !p.AtRest() {
		return -1, store.ErrConflict
	}
	tenants, err := c.e.Tenants(ctx, w.id, w.after, cleanPage)
	if err != nil {
		return -1, err
	}
	after = w.after + len(tenants)
	if tenants, err = c.free(ctx, p, w.after, tenants); err != nil {
		return -1, err
	}
	if err := eachBatch(ctx, tenants, func(ctx context.Context, batch []string) error { return c.e.freeStale(ctx, w.id, batch) }); err != nil {
		return -1, err
	}
	if after >= p.Tasks {
		return 0, nil
	}
	return after, nil
}

// free returns those of the tenants, the first of them after that ordinal, which the
// plan's tasks do not need.
func (c *cleaner) free(ctx context.Context, p plan.Plan, after int, tenants []string) ([]string, error) {
	if p.Over() || p.State == plan.Created {
		return tenants, nil
	}
	states, err := c.e.States(ctx, p.ID, after, len(tenants))
	if err != nil {
		return nil, err
	}
	var free []string
	for i, s := range states[:min(len(states), len(tenants))] {
		if s.Releases() {
			free = append(free, tenants[i])
		}
	}
	return free, nil
}

// freeStale frees those of the tenants whose locks a plan has and does not need.
func (e *Engine) freeStale(ctx context.Context, id plan.ID, tenants []string) error {
	locks, err := e.locksOfTenants(ctx, tenants)
	if err != nil {
		return err
	}
	v, err := e.judge(ctx, slices.DeleteFunc(locks, func(l store.TenantLock) bool { return l.Plan != id }))
	if err != nil {
		return err
	}
	return e.release(ctx, v.stale)
}
