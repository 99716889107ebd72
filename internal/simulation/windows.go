package simulation

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover/internal/schedule"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// steps is the size of the steps of the store's clock in histories in which it decides what may be
// done.
const steps = 2 * time.Second

// edge is an instant at which the windows of a history open or close, and the zones in which they
// may be written.
type edge struct {
	at    time.Time
	zones []string
}

// drawEdge draws an ordinary instant, one that is midnight of a leap day in one of the zones, or
// one at which the clocks of a zone are set forward.
func drawEdge(r *rand.Rand) edge {
	return one(r,
		edge{time.Date(2000, time.February, 1, 12, 0, 0, 0, time.UTC), []string{"UTC", "America/New_York", "Pacific/Chatham", "Asia/Kolkata"}},
		edge{time.Date(2000, time.February, 28, 18, 30, 0, 0, time.UTC), []string{"Asia/Kolkata", "UTC"}},
		edge{time.Date(2000, time.March, 26, 1, 0, 0, 0, time.UTC), []string{"Europe/Berlin", "UTC", "Asia/Kolkata"}},
		edge{time.Date(2000, time.April, 2, 7, 0, 0, 0, time.UTC), []string{"America/New_York", "Europe/Berlin"}},
	)
}

// drawWindows draws windows that are open every other minute, with an edge at that instant: they
// allow these minutes, or deny the others.
func drawWindows(r *rand.Rand, e edge) (windows []window.Window) {
	zone, kind := one(r, e.zones...), one(r, window.Allow, window.Deny)
	if kind == window.Deny && r.IntN(2) == 0 {
		windows = append(windows, minutes(window.Allow, one(r, e.zones...), e.at.Add(-time.Hour), 2*time.Hour))
	}
	first := e.at.Add(-time.Duration(r.IntN(2)) * time.Minute)
	for i := range 30 {
		windows = append(windows, minutes(kind, zone, first.Add(time.Duration(i)*2*time.Minute), time.Minute))
	}
	return windows
}

// minutes returns a window of a zone that is there from an instant on, for so long, every day.
func minutes(kind window.Kind, zone string, from time.Time, lasts time.Duration) window.Window {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	from, to := from.In(loc), from.Add(lasts).In(loc)
	return window.Window{Kind: kind, Zone: zone, From: window.At(from.Hour(), from.Minute()), To: window.At(to.Hour(), to.Minute())}
}

// drawOpenings draws a tuning of windows: to others, or to none, which is always open.
func drawOpenings(r *rand.Rand, began time.Time) strategy.Tuning {
	if r.IntN(2) == 0 {
		return strategy.Tuning{Windows: []window.Window{}}
	}
	return strategy.Tuning{Windows: drawWindows(r, edge{began.Truncate(time.Minute), []string{"UTC"}})}
}

// begins checks that a pending task begins while the windows of its plan are open. If the clock was
// set back behind an opening, tasks may begin until the plan is looked at.
func (a *audit) begins(ctx context.Context, b *store.Batch, t task.Task) {
	p, err := a.Store.Plan(ctx, b.Plan)
	if err != nil {
		return
	}
	now := a.w.clock()
	open, next, err := openAt(&p, now)
	if back := !a.w.temper.Steady && !next.IsZero() && next.Sub(now) <= 2*steps; err != nil || !open && !back {
		a.w.faultf("task %s begins at %s, the windows open at %s, %v", t.ID, now, next, err)
	}
}

// openAt reports whether the windows of a plan are open, and otherwise when they are next.
func openAt(p *plan.Plan, now time.Time) (open bool, next time.Time, err error) {
	rules := p.Rules()
	if len(rules.Windows) == 0 {
		return true, time.Time{}, nil
	}
	s, err := schedule.Of(rules.Windows)
	if err != nil {
		return false, time.Time{}, err
	}
	open, next = s.At(now)
	return open, next, nil
}

// shut reports whether a plan goes on when its windows open, and not before.
func (w *world) shut(p *plan.Plan) bool {
	open, _, err := openAt(p, w.clock())
	return err == nil && !open && p.State == plan.Running && p.Counters.Of(task.Pending) > p.PendingBeyond()
}

// idling is since when running plans have had tasks that may be claimed, as they themselves say.
type idling map[plan.ID]time.Time

// check checks that somebody claims these tasks soon: a plan whose window opens goes on by itself,
// when it opens. With a clock that makes steps a plan may have to wait until it is looked at.
func (i idling) check(ctx context.Context, w *world, plans []plan.Plan) {
	now := time.Now()
	for _, p := range plans {
		since, idles := i[p.ID]
		switch {
		case p.State != plan.Running || !p.Claimable() || w.held(ctx, p, false, func(plan.Plan) bool { return true }) || w.crowded(ctx, p):
			delete(i, p.ID)
		case !idles:
			i[p.ID] = now
		case now.Sub(since) > leaseTTL:
			w.faultf("plan %s has had tasks to claim since %s: %+v", p.ID, since, p)
			i[p.ID] = now
		}
	}
}
