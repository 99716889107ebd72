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
// over the tenants of a plan in bounded steps, taking the plans in turn, in a single goroutine
// ([Cleaner.Run]), so that a large plan delays no other and no caller waits. A plan stays on the
// agenda until the walk over it has ended: if this process ends before that, another process begins
// a new walk. A Cleaner is safe for concurrent use.
type Cleaner struct {
	client *storeclient.Client
	locks  *Manager
	places PlacesDropper
	more   signal.Flag

	mu    sync.Mutex
	queue []place
	// known are the walks in the queue, and the finished walks for whose plans Clean was not called
	// after the end of the walk.
	known map[plan.ID]*walk
	// forgot is when finished walks were last forgotten.
	forgot time.Time
}

// place is a walk and how far it has come.
type place struct {
	plan  plan.ID
	after int // the last ordinal that was checked
	walk  *walk
}

// walk is one walk over the tenants of a plan, valid for one version of the plan.
type walk struct {
	version uint64
	stamp   uint64 // stamp of the plan on the agenda when the walk was requested
	late    bool   // the walk was requested when no late request could arrive any more: see Lateness
	began   time.Time
	done    bool
}

// covers reports whether the walk finds every lock of the plan that is to be released. A command
// that did not change the plan may have left a lock behind after the walk. Before it took the lock,
// the command put the plan on the agenda, with a new stamp, to be reconciled after Lateness.
func (w *walk) covers(p plan.Plan, stamp uint64) bool {
	return w.version == p.Version && w.late == (p.Idle >= Lateness) &&
		(!w.done || w.stamp == stamp || time.Since(w.began) < Lateness)
}

const (
	// cleanPage is how many tenants one step checks.
	cleanPage = 1000
	// maxCleaned bounds the queue, and the known walks. Further plans wait until they are due
	// again.
	maxCleaned = 10_000
	// rememberFor is the minimum time for which a finished walk is remembered. After that it may be
	// forgotten, because this process does not call Clean for the plan again if another process has
	// rescheduled it.
	rememberFor = 10 * time.Minute
)

// PlacesDropper frees the places in quotas that tasks of a plan do not need any more: see package
// quota.
type PlacesDropper interface {
	// DropOf frees those of the tasks after an ordinal and up to another one.
	DropOf(ctx context.Context, p plan.Plan, after, end int) error
}

// NewCleaner returns a cleaner. It releases nothing before [Cleaner.Run].
func NewCleaner(c *storeclient.Client, locks *Manager, places PlacesDropper) *Cleaner {
	return &Cleaner{client: c, locks: locks, places: places, more: signal.NewFlag(), known: make(map[plan.ID]*walk)}
}

// Clean begins a walk that releases the locks which a plan at rest does not need, unless a walk
// covers the plan already, and reports whether the walk is done. stamp is the stamp of the plan on
// the agenda.
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

// fullLocked reports whether no further walk can be queued. It first forgets finished walks that
// are older than rememberFor.
func (c *Cleaner) fullLocked() bool {
	if len(c.known) < maxCleaned && len(c.queue) < maxCleaned {
		return false
	}
	if time.Since(c.forgot) > rememberFor { // not at each call, because it goes through all walks
		c.forgot = time.Now()
		maps.DeleteFunc(c.known, func(_ plan.ID, w *walk) bool { return w.done && time.Since(w.began) > rememberFor })
	}
	return len(c.known) >= maxCleaned || len(c.queue) >= maxCleaned
}

// EverLocked reports whether tenants may have been locked for a plan, because it was started or a
// start was tried.
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
			err = nil // the plan is removed, or will be reconciled again
		}
		c.client.Fault("clean", err)
		c.stepped(next, after)
	}
}

// next removes the first walk from the queue and returns it.
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

// stepped puts a walk at the end of the queue, to go on after the ordinal after. 0 means that the
// walk is done, and a negative ordinal that it was broken off.
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

// step releases the stale locks of the next tenants of a walk, and returns the ordinal after which
// to go on: 0 if the walk is done, negative with an error.
func (c *Cleaner) step(ctx context.Context, w place) (after int, err error) {
	p, err := c.client.Plan(ctx, w.plan)
	if err != nil {
		return -1, err
	}
	if p.Version != w.walk.version || !p.AtRest() {
		return -1, store.ErrConflict
	}
	tenants, err := c.page(ctx, p, w.after)
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
	if err == nil && w.after < p.TaskCount {
		err = c.places.DropOf(ctx, p, w.after, min(after, p.TaskCount))
	}
	if err != nil {
		return -1, err
	}
	if after >= p.TaskCount+p.Dropped || after == w.after {
		return 0, nil
	}
	return after, nil
}

// page returns the next tenants after an ordinal: those of the plan's tasks, then those of an
// addition that was given up.
func (c *Cleaner) page(ctx context.Context, p plan.Plan, after int) ([]string, error) {
	if after < p.TaskCount {
		return c.client.Tenants(ctx, p.ID, after, cleanPage)
	}
	return c.client.Appended(ctx, p.ID, after, cleanPage)
}

// unneeded returns those of the tenants that the tasks of the plan do not need. The task of the
// first tenant has the ordinal after+1.
func (c *Cleaner) unneeded(ctx context.Context, p plan.Plan, after int, tenants []string) ([]string, error) {
	if p.Over() || p.State == plan.Created || after >= p.TaskCount {
		return tenants, nil
	}
	states, err := c.client.States(ctx, p.ID, after, len(tenants))
	if err != nil {
		return nil, err
	}
	var unneeded []string
	for i, s := range states[:min(len(states), len(tenants))] {
		if releases(p, s) {
			unneeded = append(unneeded, tenants[i])
		}
	}
	return unneeded, nil
}
