package cutover

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

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
	known  map[plan.ID]*cleaned
	forgot time.Time // when those were last gone through
}

// cleaning is the walk over the tenants of a plan as it is at a version.
type cleaning struct {
	id    plan.ID
	after int // the last ordinal that is dealt with
	*cleaned
}

// cleaned is what is known of a walk.
type cleaned struct {
	version uint64
	stamp   uint64 // the plan's on the agenda
	late    bool   // it began when no request can be on its way any more
	began   time.Time
	done    bool
}

// tells reports whether the walk shows what there is to free of a plan. A command that did
// not change the plan may have left a lock since: it had put the plan on the agenda, to be
// looked at after lateness.
func (w *cleaned) tells(p plan.Plan, stamp uint64) bool {
	return w.version == p.Version && w.late == (p.Idle >= lateness) &&
		(!w.done || w.stamp == stamp || time.Since(w.began) < lateness)
}

const (
	// cleanPage is how many tenants one step looks at.
	cleanPage = 1000
	// maxCleaned bounds the plans in the queue and what is remembered of others. The rest
	// wait until the agenda brings them up again.
	maxCleaned = 10_000
	// rememberFor is how long a walk is remembered at least that nobody asks about, because
	// another process lets the plan rest.
	rememberFor = 10 * time.Minute
)

func newCleaner(e *Engine) *cleaner {
	return &cleaner{e: e, more: signal.NewFlag(), known: make(map[plan.ID]*cleaned)}
}

// clean sees to it that the locks are freed that a plan at rest does not need, and reports
// whether that is done. stamp is the plan's on the agenda.
func (c *cleaner) clean(p plan.Plan, stamp uint64) (done bool) {
	if !everLocked(p) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.known[p.ID]; w != nil {
		if w.tells(p, stamp) {
			if w.done {
				delete(c.known, p.ID)
			}
			return w.done
		}
		delete(c.known, p.ID)
	}
	if c.full() {
		return false
	}
	w := &cleaned{version: p.Version, stamp: stamp, late: p.Idle >= lateness, began: time.Now()}
	c.known[p.ID] = w
	c.queue = append(c.queue, cleaning{id: p.ID, cleaned: w})
	c.more.Raise()
	return false
}

// full reports whether no further plan can be taken. It first forgets what nobody asks
// about. The caller has the lock.
func (c *cleaner) full() bool {
	if len(c.known) < maxCleaned && len(c.queue) < maxCleaned {
		return false
	}
	if time.Since(c.forgot) > rememberFor { // it takes a while
		c.forgot = time.Now()
		maps.DeleteFunc(c.known, func(_ plan.ID, w *cleaned) bool { return w.done && time.Since(w.began) > rememberFor })
	}
	return len(c.known) >= maxCleaned || len(c.queue) >= maxCleaned
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
		c.e.client.Fault("clean", err)
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
	if c.known[w.id] != w.cleaned {
		return // another walk over the plan has begun
	}
	switch {
	case after > 0:
		w.after = after
		c.queue = append(c.queue, w)
	case after == 0:
		w.done = true
	default:
		delete(c.known, w.id)
	}
}

// step looks at some tenants and returns the ordinal after which to go on.
func (c *cleaner) step(ctx context.Context, w cleaning) (after int, err error) {
	p, err := c.e.client.Plan(ctx, w.id)
	if err != nil {
		return -1, err
	}
	if p.Version != w.version || !p.AtRest() {
		return -1, store.ErrConflict
	}
	tenants, err := c.e.client.Tenants(ctx, w.id, w.after, cleanPage)
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
	if after >= p.TaskCount {
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
	states, err := c.e.client.States(ctx, p.ID, after, len(tenants))
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
