package dispatch

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/internal/capacity"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// searches are the searches for pending tasks that may begin, in plans that wait for their tenants
// or have quotas. It is safe for concurrent use, but of each plan one claim at a time may search.
type searches struct {
	mu     sync.Mutex
	byPlan map[plan.ID]*search
	forgot time.Time // when those that are not used any more were last forgotten
}

// search looks for pending tasks of a plan whose tenants no other plan needs, and for which there
// are places in its quotas. It goes round the tasks of the plan, and rests when a round finds none.
type search struct {
	used    time.Time // guarded by the mutex of the searches
	after   int       // the ordinal after which it goes on
	pause   time.Duration
	resting time.Time // until when
	// claiming are the locks of pending tasks that the plan itself had when they were last looked
	// at.
	claiming []store.TenantLock
	groups   groups
}

const (
	// shortestRest and longestRest bound the pause after a round that found nothing; it doubles
	// from one to the next. So a tenant or a place that becomes free is found within longestRest.
	shortestRest = 50 * time.Millisecond
	longestRest  = 2 * time.Second
	// stepRest is the pause within a round that goes over more tasks than one step.
	stepRest = 10 * time.Millisecond
	// maxLooked bounds the tenants that one step looks at, maxPassed the tasks that it passes over.
	maxLooked = 10 * store.MaxBatch
	maxPassed = 10 * store.MaxStates
	// maxSearches bounds the searches that are remembered. The end of a plan may escape this
	// process: those that were not used for unusedFor are forgotten, because each may have
	// megabytes of groups.
	maxSearches = 10_000
	unusedFor   = 5 * time.Minute
)

func (ss *searches) of(id plan.ID) *search {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	if time.Since(ss.forgot) > unusedFor/2 { // not at each call, because it goes through all of them
		ss.forgot = time.Now()
		maps.DeleteFunc(ss.byPlan, func(_ plan.ID, s *search) bool { return time.Since(s.used) > unusedFor })
	}
	if s := ss.byPlan[id]; s != nil {
		s.used = time.Now()
		return s
	}
	if len(ss.byPlan) >= maxSearches {
		for other := range ss.byPlan { // it begins anew
			delete(ss.byPlan, other)
			break
		}
	}
	s := &search{used: time.Now(), groups: newGroups()}
	ss.byPlan[id] = s
	return s
}

func (ss *searches) forget(id plan.ID) {
	ss.mu.Lock()
	defer ss.mu.Unlock()
	delete(ss.byPlan, id)
}

// chosen are pending tasks that are to be claimed, with what was taken for them.
type chosen struct {
	phase    uint32
	ordinals []int
	locks    []store.TenantLock // of their tenants, if the plan waits for these
	places   []store.Place      // in the quotas of the plan
}

// step is one step of a search: a call of choose.
type step struct {
	*Dispatcher
	plan   *capacity.Plan
	search *search
	rooms  rooms
	want   int // how many tasks it chooses at most
	last   int // the last ordinal that it looks at
	chosen
}

// choose chooses up to n pending tasks of a plan, as many as the plan lets begin, and takes for
// them what they need: their tenants, if the plan waits for these, and places in its quotas. If
// there are fewer, it sets the plan's alarm to search again.
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
	x := step{
		Dispatcher: d, plan: p, search: s, want: want, last: min(now.Grant.LastOrdinal, now.TaskCount), chosen: c,
		rooms: rooms{d.opts.Quotas, make(map[store.QuotaKey]room)},
	}
	whole, err := x.run(ctx)
	d.opts.Client.Fault("search for free tenants", err)
	s.rest(len(x.ordinals), whole || err != nil)
	if len(x.ordinals) < want {
		d.dropStale(ctx, &s.groups, &x.rooms)
		d.alarms.set(p.ID, max(stepRest, time.Until(s.resting)))
	}
	return x.chosen
}

// run looks at pending tasks until enough are chosen, a round over the plan has ended, or it has
// looked at as many as a step may.
func (x *step) run(ctx context.Context) (whole bool, err error) {
	if len(x.plan.Strategy.Quotas) > 0 {
		// A jump would pass over tasks that wait for their tenants.
		blocked, err := x.search.blocked(ctx, &x.rooms, x.last, !x.plan.Waits())
		if blocked || err != nil {
			return true, err
		}
	}
	for looked, passed := 0, 0; err == nil && len(x.ordinals) < x.want && looked < maxLooked && passed < maxPassed; {
		var done progress
		done, err = x.lookOn(ctx)
		looked, passed = looked+done.looked, passed+done.passed
		if done.whole {
			return true, err
		}
	}
	return false, err
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

// lookOn looks at the next pending tasks, at most store.MaxBatch, and chooses those of them that
// find what they need.
func (x *step) lookOn(ctx context.Context) (done progress, err error) {
	s := x.search
	if s.after >= x.last {
		s.after = 0
		return progress{whole: true}, nil
	}
	of, err := x.next(ctx)
	if err != nil {
		return done, err
	}
	if len(x.plan.Strategy.Quotas) > 0 {
		s.groups.saw(s.after, of.end, !of.damaged, of.ordinals, of.bounds)
	}
	if len(of.ordinals) == 0 {
		done.passed, s.after = of.end-s.after, of.end
		return done, nil
	}
	err = x.take(ctx, of)
	s.after = of.end
	if n := len(x.ordinals); n >= x.want { // what comes after the last of them was not tried
		s.after = x.ordinals[n-1]
	}
	return progress{looked: len(of.ordinals)}, err
}

// unlock releases what was taken for the chosen tasks that the claim did not get.
func (d *Dispatcher) unlock(ctx context.Context, c chosen, claimed []task.Task) {
	got := func(ordinal int) bool {
		return slices.ContainsFunc(claimed, func(t task.Task) bool { return t.ID.Ordinal() == ordinal })
	}
	locks := slices.DeleteFunc(c.locks, func(l store.TenantLock) bool { return got(l.Ordinal) })
	d.opts.Client.Fault("release", d.opts.Locks.Unlock(ctx, locks))
	places := slices.DeleteFunc(c.places, func(p store.Place) bool { return got(p.Ordinal) })
	d.opts.Client.Fault("vacate", d.opts.Quotas.Vacate(ctx, places))
}
