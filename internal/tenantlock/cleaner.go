package tenantlock

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/signal"
	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// Cleaner releases the locks that plans at rest have left behind and do not need: of tasks that
// were stopped where no worker ran them, of workers that died before they could release the tenant,
// of commands and starts that were given up, and of every task of a plan that is over. It walks
// over the tenants of a plan in bounded steps, plan by plan in turn, in a goroutine of its own, so
// that a large plan keeps nobody waiting. Until the walk has come to its end the plan stays on the
// agenda: if this process ends, another begins anew. It is safe for concurrent use.
type Cleaner struct {
	client *storeclient.Client
	locks  *Manager
	more   signal.Flag

	mu    sync.Mutex
	queue []place
	// known are the plans in the queue, and those done that nobody has asked about since.
	known map[plan.ID]*walk
	// forgot is when what nobody asks about was last forgotten.
	forgot time.Time
}

// place is how far a walk has come.
type place struct {
	plan  plan.ID
	after int // the last ordinal that was looked at
	walk  *walk
}

// walk is one over the tenants of a plan as it is at a version.
type walk struct {
	version uint64
	stamp   uint64 // the plan's on the agenda
	late    bool   // it began when no request can be on its way any more
	began   time.Time
	done    bool
}

// covers reports whether the walk finds all that there is to release of a plan. A command that did
// not change the plan may have left a lock since: it had put the plan on the agenda, to be looked
// at after Lateness.
func (w *walk) covers(p plan.Plan, stamp uint64) bool {
	return w.version == p.Version && w.late == (p.Idle >= Lateness) &&
		(!w.done || w.stamp == stamp || time.Since(w.began) < Lateness)
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

// NewCleaner returns a cleaner. It cleans nothing before [Cleaner.Run].
func NewCleaner(c *storeclient.Client, locks *Manager) *Cleaner {
	return &Cleaner{client: c, locks: locks, more: signal.NewFlag(), known: make(map[plan.ID]*walk)}
}

// Clean makes sure that the locks are released that a plan at rest does not need, and reports
// whether that is done. stamp is the plan's on the agenda.
func (c *Cleaner) Clean(p plan.Plan, stamp uint64) (done bool) {
	if !EverLocked(p) {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if w := c.known[p.ID]; w != nil {
		if w.covers(p, stamp) {
			if w.done {
				delete(c.known, p.ID)
			}
			return w.done
		}
		delete(c.known, p.ID)
	}
	if c.fullLocked() {
		return false
	}
	w := &walk{version: p.Version, stamp: stamp, late: p.Idle >= Lateness, began: time.Now()}
	c.known[p.ID] = w
	c.queue = append(c.queue, place{plan: p.ID, walk: w})
	c.more.Raise()
	return false
}

// fullLocked reports whether no further plan can be taken. It first forgets what nobody asks about.
func (c *Cleaner) fullLocked() bool {
	if len(c.known) < maxCleaned && len(c.queue) < maxCleaned {
		return false
	}
	if time.Since(c.forgot) > rememberFor { // it takes a while
		c.forgot = time.Now()
		maps.DeleteFunc(c.known, func(_ plan.ID, w *walk) bool { return w.done && time.Since(w.began) > rememberFor })
	}
	return len(c.known) >= maxCleaned || len(c.queue) >= maxCleaned
}

// EverLocked reports whether somebody may have taken locks for a plan: it was started, or that was
// tried.
func EverLocked(p plan.Plan) bool { return p.State != plan.Created || p.Version > 1 }

// Run cleans until ctx ends.
func (c *Cleaner) Run(ctx context.Context) {
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
			err = nil // it is removed, or will be looked at again
		}
		c.client.Fault("clean", err)
		c.stepped(next, after)
	}
}

// next takes the first walk from the queue.
func (c *Cleaner) next() (place, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.queue) == 0 {
		return place{}, false
	}
	first := c.queue[0]
	c.queue = c.queue[1:]
	return first, true
}

// stepped puts a walk behind the others, at the ordinal to go on after. 0 means that it is
// done, and a negative one that it was broken off.
func (c *Cleaner) stepped(w place, after int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known[w.plan] != w.walk {
		return // another walk over the plan has begun
	}
	switch {
	case after > 0:
		w.after = after
		c.queue = append(c.queue, w)
	case after == 0:
		w.walk.done = true
	default:
		delete(c.known, w.plan)
	}
}

// step looks at some tenants and returns the ordinal after which to go on.
func (c *Cleaner) step(ctx context.Context, w place) (after int, err error) {
	p, err := c.client.Plan(ctx, w.plan)
	if err != nil {
		return -1, err
	}
	if p.Version != w.walk.version || !p.AtRest() {
		return -1, store.ErrConflict
	}
	tenants, err := c.client.Tenants(ctx, w.plan, w.after, cleanPage)
	if err != nil {
		return -1, err
	}
	after = w.after + len(tenants)
	if tenants, err = c.unneeded(ctx, p, w.after, tenants); err != nil {
		return -1, err
	}
	err = eachBatch(ctx, tenants, func(ctx context.Context, batch []string) error {
		return c.locks.ReleaseStale(ctx, w.plan, batch)
	})
	if err != nil {
		return -1, err
	}
	if after >= p.TaskCount {
		return 0, nil
	}
	return after, nil
}

// unneeded returns those of the tenants, the first of them after that ordinal, which the plan's
// tasks do not need.
func (c *Cleaner) unneeded(ctx context.Context, p plan.Plan, after int, tenants []string) ([]string, error) {
	if p.Over() || p.State == plan.Created {
		return tenants, nil
	}
	states, err := c.client.States(ctx, p.ID, after, len(tenants))
	if err != nil {
		return nil, err
	}
	var unneeded []string
	for i, s := range states[:min(len(states), len(tenants))] {
		if s.Releases() {
			unneeded = append(unneeded, tenants[i])
		}
	}
	return unneeded, nil
}
