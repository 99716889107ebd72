package storetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// retold is a store that tells of plans as see has them.
type retold struct {
	store.Store
	see func(*plan.Plan)
}

// tells makes such a store.
func tells(see func(*plan.Plan)) func(store.Store) store.Store {
	return func(s store.Store) store.Store { return &retold{s, see} }
}

func (m *retold) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	p, err := m.Store.Plan(ctx, id)
	m.see(&p)
	return p, err
}

func (m *retold) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	list, err := m.Store.Plans(ctx, q)
	for i := range list {
		m.see(&list[i])
	}
	return list, err
}

func (m *retold) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	a, err := m.Store.Apply(ctx, c)
	m.see(&a.Plan)
	return a, err
}

// countsInTheOpen counts every task in the open wave.
func countsInTheOpen(p *plan.Plan) {
	var all plan.WaveCounters
	for i, c := range p.WaveCounters {
		all.Failed, all.Ended = all.Failed+c.Failed, all.Ended+c.Ended
		p.WaveCounters[i] = plan.WaveCounters{}
	}
	if len(p.Waves) > 0 {
		p.WaveCounters[max(1, p.Wave)-1] = all
	}
}

// countsOnlyTheOpen counts nothing in the other waves.
func countsOnlyTheOpen(p *plan.Plan) {
	for i := range p.WaveCounters {
		if i+1 != p.Wave {
			p.WaveCounters[i] = plan.WaveCounters{}
		}
	}
}

// neverEndsWaves does not know when a wave has ended.
func neverEndsWaves(p *plan.Plan) { p.WaveEndedAt = time.Time{} }

// endsWavesAnew takes every step after the end of a wave for its end.
func endsWavesAnew(p *plan.Plan) {
	if !p.WaveEndedAt.IsZero() {
		p.WaveEndedAt = p.Now
	}
}

// misled is a store that is given commands as change has them.
type misled struct {
	store.Store
	change func(*store.Command)
}

// obeys makes such a store.
func obeys(change func(*store.Command)) func(store.Store) store.Store {
	return func(s store.Store) store.Store { return &misled{s, change} }
}

func (m *misled) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	m.change(&c)
	return m.Store.Apply(ctx, c)
}

// opensAllWaves lets the tasks of every wave begin.
func opensAllWaves(c *store.Command) {
	if c.Plan.Grant.LastOrdinal > 0 {
		c.Plan.Grant.LastOrdinal = c.Plan.TaskCount
	}
}

// opensEarly claims before the time of the grant, closesNever after it.
func opensEarly(c *store.Command)  { c.Plan.Grant.NotBefore = time.Time{} }
func closesNever(c *store.Command) { c.Plan.Grant.NotAfter = time.Time{} }

// undoesAll undoes the waves before the one that is to be undone, too; undoesAtOnce does not wait
// for what runs there.
func undoesAll(c *store.Command) { c.Plan.Undo.First = min(1, c.Plan.Undo.First) }

func undoesAtOnce(c *store.Command) { c.Plan.Undo.Open = c.Plan.Undo.OfWave() }

// forgetsUndone does not know which waves were undone.
func forgetsUndone(c *store.Command) { c.Plan.Undone = nil }

// countsNoFlights does not count what is in flight in waves.
func countsNoFlights(p *plan.Plan) {
	for i := range p.WaveCounters {
		p.WaveCounters[i].InFlight = 0
	}
}

func forgetsApprovals(c *store.Command) { c.Plan.Approved = nil }

// countsOn counts in waves after the plan's state has cancelled the pending tasks.
type countsOn struct{ mutant }

func (m *countsOn) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	p, err := m.Store.Plan(ctx, id)
	tasks, _, err2 := m.Tasks(ctx, id, store.TaskQuery{})
	if err := errors.Join(err, err2); err != nil || !p.State.CancelsPending() {
		return p, err
	}
	clear(p.WaveCounters)
	for i, t := range tasks {
		if len(p.Waves) > 0 {
			p.WaveCounters[p.WaveOf(i+1)-1].Move(task.Pending, t.State)
		}
	}
	return p, nil
}

// lenient forgets the tolerances of waves when it judges failures.
type lenient struct {
	retold
	forgets func(p *plan.Plan, wave int) bool

	mu    sync.Mutex
	waves map[plan.ID][]plan.Wave // with their tolerances
}

// forgives makes such a store.
func forgives(forgets func(p *plan.Plan, wave int) bool) func(store.Store) store.Store {
	return func(s store.Store) store.Store {
		m := &lenient{forgets: forgets, waves: make(map[plan.ID][]plan.Wave)}
		m.retold = retold{s, m.recall}
		return m
	}
}

func (m *lenient) recall(p *plan.Plan) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if w, known := m.waves[p.ID]; known {
		p.Waves = slices.Clone(w)
	}
}

func (m *lenient) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	given := slices.Clone(c.Plan.Waves)
	c.Plan.Waves = slices.Clone(given)
	for i := range c.Plan.Waves {
		if m.forgets(&c.Plan, i+1) {
			c.Plan.Waves[i].MaxFailed = c.Plan.TaskCount
		}
	}
	a, err := m.Store.Apply(ctx, c)
	if err == nil {
		m.mu.Lock()
		m.waves[c.Plan.ID] = given
		m.mu.Unlock()
		m.recall(&a.Plan)
	}
	return a, err
}

func allWaves(*plan.Plan, int) bool             { return true }
func allButTheOpen(p *plan.Plan, wave int) bool { return wave != p.Wave }

// harsh breaches a plan because of any wave that has more failures than it tolerates.
type harsh struct{ mutant }

func (m *harsh) Commit(ctx context.Context, b *store.Batch) error {
	err := m.Store.Commit(ctx, b)
	if p, _ := m.Plan(ctx, b.Plan); p.State == plan.Running && p.Exceeded() {
		b.View.Breached = true
	}
	return err
}

// holdsAllBack claims nothing at all outside of the times of the grant.
type holdsAllBack struct{ mutant }

func (m *holdsAllBack) Commit(ctx context.Context, b *store.Batch) error {
	claim := b.Claim
	p, err := m.Plan(ctx, b.Plan)
	closed := err == nil && !p.Grant.Opens(p.Now)
	if closed {
		b.Claim = store.Claim{}
	}
	err = m.Store.Commit(ctx, b)
	b.Claim, b.View.Claimable = claim, b.View.Claimable && !closed
	return err
}

// repeatsItself answers a repeated command as it has answered the first time.
type repeatsItself struct {
	mutant
	mu    sync.Mutex
	first map[string]store.Applied
}

func (m *repeatsItself) Apply(ctx context.Context, c store.Command) (store.Applied, error) {
	a, err := m.Store.Apply(ctx, c)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.first == nil {
		m.first = make(map[string]store.Applied)
	}
	if a.Repeated {
		a.Plan = m.first[c.ID].Plan
	} else {
		m.first[c.ID] = a
	}
	return a, err
}
