package dispatch

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/internal/worker"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// searches are the searches for free tenants in plans that wait for them. It is safe for concurrent
// use, but of each plan one claim at a time may search.
type searches struct {
	mu     sync.Mutex
	byPlan map[plan.ID]*search
}

// search looks for pending tasks of a plan whose tenants no other plan needs. It goes round the
// tasks of the plan, and rests when a round finds none.
type search struct {
	after   int // the ordinal after which it goes on
	pause   time.Duration
	resting time.Time // until when
	// claiming are the locks of pending tasks that the plan itself had when they were last looked
	// at.
	claiming []store.TenantLock
}

const (
	// shortestRest and longestRest bound the pause after a round that found no free tenant; it
	// doubles from one to the next. So a tenant that becomes free is found within longestRest.
	shortestRest = 50 * time.Millisecond
	longestRest  = 2 * time.Second
	// stepRest is the pause within a round that goes over more tasks than one step.
	stepRest = 10 * time.Millisecond
	// maxLooked bounds the tenants that one step looks at, maxPassed the tasks that it passes over.
	maxLooked = 10 * store.MaxBatch
	maxPassed = 10 * store.MaxStates
	// maxSearches bounds the searches that are remembered. The end of a plan may escape this
	// process.
	maxSearches = 10_000
)

func (ss *searches) of(id plan.ID) *search {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	s := ss.byPlan[id]
	if s != nil {
		return s
	}
	if len(ss.byPlan) >= maxSearches {
		for other := range ss.byPlan { // it begins anew
			delete(ss.byPlan, other)
			break
		}
	}
	s = new(search)
	ss.byPlan[id] = s
	return s
}

func (ss *searches) forget(id plan.ID) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.byPlan, id)
}

// chosen are pending tasks whose tenants were locked for a claim.
type chosen struct {
	phase uint32
	locks []store.TenantLock
}

func (c *chosen) ordinals() []int {
	list := make([]int, len(c.locks))
	for i, l := range c.locks {
		list[i] = l.Ordinal
	}
	return list
}

// choose locks free tenants of up to n pending tasks of a plan that waits for its tenants, as many
// as the plan lets begin. If there are fewer, it sets the plan's alarm to search again.
func (d *Dispatcher) choose(ctx context.Context, p *capacity.Plan, n int) chosen {
	c := chosen{phase: tenantlock.ClaimPhase()}
	s := d.searches.of(p.ID)
	if left := time.Until(s.resting); left > 0 {
		d.alarms.set(p.ID, left)
		return c
	}
	now, err := d.opts.Client.Plan(ctx, p.ID)
	if err != nil || now.Over() {
		d.searches.forget(p.ID)
	}
	want := min(n, now.Grant.MaxSlots-now.Counters.Slots())
	if err != nil || want <= 0 || !now.MayBegin() {
		d.opts.Client.Fault("plan", err)
		return c
	}
	whole := false
	for looked, passed := 0, 0; err == nil && len(c.locks) < want && looked < maxLooked && passed < maxPassed; {
		var step progress
		step, err = d.lookOn(ctx, p, s, &c, want, min(now.Grant.LastOrdinal, now.TaskCount))
		looked, passed, whole = looked+step.looked, passed+step.passed, step.whole
		if whole {
			break
		}
	}
	d.opts.Client.Fault("search for free tenants", err)
	s.rest(len(c.locks), whole || err != nil)
	if len(c.locks) < want {
		d.alarms.set(p.ID, max(stepRest, time.Until(s.resting)))
	}
	return c
}

// rest ends a step that has found so many tasks; whole means that a round has ended with it.
func (s *search) rest(found int, whole bool) {
	switch {
	case found > 0:
		s.pause, s.resting = 0, time.Time{}
	case whole:
		s.pause = min(max(2*s.pause, shortestRest), longestRest)
		s.resting = time.Now().Add(s.pause)
	default:
		s.resting = time.Now().Add(stepRest)
	}
}

// progress is how far a step of a search has come.
type progress struct {
	looked, passed int  // tenants looked at, tasks passed over
	whole          bool // the round has ended
}

// lookOn looks at the next pending tasks up to the ordinal last, at most store.MaxBatch, and locks
// those of their tenants that are free.
func (d *Dispatcher) lookOn(ctx context.Context, p *capacity.Plan, s *search, c *chosen, want, last int) (done progress, err error) {
	if s.after >= last {
		s.after = 0
		return progress{whole: true}, nil
	}
	states, err := d.opts.Client.States(ctx, p.ID, s.after, min(store.MaxStates, last-s.after))
	if err != nil {
		return done, err
	}
	var pending []int
	for i, state := range states {
		if state == task.Pending {
			pending = append(pending, s.after+i+1)
		}
	}
	if len(pending) == 0 {
		done.passed = max(1, len(states))
		s.after += done.passed
		return done, nil
	}
	pending = near(pending)
	first, end := pending[0], pending[len(pending)-1]
	all, err := d.opts.Client.Tenants(ctx, p.ID, first-1, end-first+1)
	if err != nil || len(all) < end-first+1 {
		return done, cmp.Or(err, error(&store.CorruptError{Key: "plan " + p.ID.String(), Reason: "tenants are missing"}))
	}
	tenants := make([]string, len(pending))
	for i, ordinal := range pending {
		tenants[i] = all[ordinal-first]
	}
	found, claiming, err := d.opts.Locks.LockFree(ctx, worker.OwnerOf(p), c.phase, pending, tenants, want-len(c.locks), s.claiming)
	c.locks = append(c.locks, found...)
	s.claiming = slices.DeleteFunc(s.claiming, func(l store.TenantLock) bool { return l.Ordinal >= first && l.Ordinal <= end })
	s.claiming = append(s.claiming, claiming...)
	s.after = end
	if len(c.locks) >= want { // what comes after the last of them was not tried
		s.after = c.locks[len(c.locks)-1].Ordinal
	}
	return progress{looked: len(pending)}, err
}

// near returns the first of the ordinals, at most store.MaxBatch, that one page of tenants covers.
func near(pending []int) []int {
	pending = pending[:min(len(pending), store.MaxBatch)]
	for i, ordinal := range pending {
		if ordinal-pending[0] >= store.MaxStates {
			return pending[:i]
		}
	}
	return pending
}

// unlock releases the tenants of the chosen tasks that the claim did not get.
func (d *Dispatcher) unlock(ctx context.Context, c chosen, claimed []task.Task) {
	left := slices.DeleteFunc(c.locks, func(l store.TenantLock) bool {
		return slices.ContainsFunc(claimed, func(t task.Task) bool { return t.ID.Ordinal() == l.Ordinal })
	})
	d.opts.Client.Fault("release", d.opts.Locks.Unlock(ctx, left))
}
