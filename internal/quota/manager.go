package quota

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/internal/storeclient"
	"github.com/cutover-go/cutover/internal/tenantlock"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Manager takes and frees places in quotas, and judges those of others. It is immutable and safe
// for concurrent use.
type Manager struct{ client *storeclient.Client }

// NewManager returns a manager.
func NewManager(c *storeclient.Client) *Manager { return &Manager{client: c} }

// maxTries bounds how often in a row Hold asks for places. A second time is needed only if it has
// freed stale ones, or found that the task has another one.
const maxTries = 10

// Bound is a quota that binds a task, with the Max of the task's own plan.
type Bound struct {
	store.QuotaKey
	Max int
}

// Bounds returns the quotas that bind a tenant with these labels, by their labels. A tenant that
// lacks the label of a quota is not bound by it.
func Bounds(quotas []strategy.Quota, labels map[string]string) []Bound {
	var bounds []Bound
	for _, q := range quotas {
		if value, has := labels[q.Label]; has {
			bounds = append(bounds, Bound{store.QuotaKey{Label: q.Label, Value: value}, q.Max})
		}
	}
	slices.SortFunc(bounds, func(a, b Bound) int { return strings.Compare(a.Label, b.Label) })
	return bounds
}

// placeOf returns the place of a task in a quota.
func placeOf(o tenantlock.Owner, q store.QuotaKey, ordinal int, phase uint32) store.Place {
	return store.Place{QuotaKey: q, Plan: o.Plan, Ordinal: ordinal, Start: o.Start, Phase: phase}
}

// Running returns the places under which a claimed task runs.
func Running(o tenantlock.Owner, t task.Task) []store.Place {
	if len(o.Quotas) == 0 {
		return nil
	}
	var places []store.Place
	for _, b := range Bounds(o.Quotas, t.Tenant.Labels) {
		places = append(places, placeOf(o, b.QuotaKey, t.ID.Ordinal(), tenantlock.RunPhase(t)))
	}
	return places
}

// Count returns how many places are taken in each of the quotas.
func (m *Manager) Count(ctx context.Context, quotas []store.QuotaKey) (counts []int, err error) {
	for batch := range slices.Chunk(quotas, store.MaxBatch) {
		var of []int
		err := m.client.Do(ctx, "count places", func() (err error) {
			of, err = m.client.Store.CountPlaces(ctx, batch)
			return err
		})
		if err != nil {
			return nil, err
		}
		counts = append(counts, of...)
	}
	return counts, nil
}

// Take takes all the places that pending tasks of a plan need for a claim with that phase,
// and returns the tasks that have got all of theirs, and their places. A task that has not got all
// gets none. bounds are those of each task. The quotas are taken in the order of their labels, so
// that of several claims that need the same ones, one gets on.
func (m *Manager) Take(ctx context.Context, o tenantlock.Owner, phase uint32, ordinals []int, bounds [][]Bound) (got []int, places []store.Place, err error) {
	have := make([][]store.Place, len(ordinals))
	lost := make([]bool, len(ordinals))
	for _, q := range labelsOf(bounds) {
		var asked []store.Occupation
		var of []int
		for i, list := range bounds {
			at := slices.IndexFunc(list, func(b Bound) bool { return b.Label == q })
			if at < 0 || lost[i] {
				continue
			}
			asked = append(asked, store.Occupation{Place: placeOf(o, list[at].QuotaKey, ordinals[i], phase), Max: list[at].Max})
			of = append(of, i)
		}
		err = cmp.Or(err, m.occupy(ctx, asked))
		for k, i := range of {
			// After an error it is not known which places were taken.
			have[i] = append(have[i], asked[k].Place)
			lost[i] = err != nil || !asked[k].Taken
		}
		if err != nil {
			break
		}
	}
	var back []store.Place
	for i, list := range have {
		if lost[i] || err != nil {
			back = append(back, list...)
			continue
		}
		got, places = append(got, ordinals[i]), append(places, list...)
	}
	return got, places, cmp.Or(err, m.Vacate(ctx, back))
}

// labelsOf returns the labels of the quotas, in order.
func labelsOf(bounds [][]Bound) []string {
	var labels []string
	for _, list := range bounds {
		for _, b := range list {
			if at, has := slices.BinarySearch(labels, b.Label); !has {
				labels = slices.Insert(labels, at, b.Label)
			}
		}
	}
	return labels
}

// FullError means that a task finds no place in a quota.
type FullError struct{ Bound }

func (e *FullError) Error() string {
	return fmt.Sprintf("cutover: the quota of %q = %q is full", e.Label, e.Value)
}

// Hold takes the places that a claimed task needs while it is in flight, or keeps those that
// it has. claim is the phase under which this process has claimed the task, 0 if it took no places
// for that. Returns a *[FullError] if there is none in one of the quotas; the task then has none at
// all, so that tasks that need two do not wait for each other.
//
// The value of a place changes with each run, as that of a lock, and before the executor is called:
// a process that has found an earlier value stale does not free the place of this run.
func (m *Manager) Hold(ctx context.Context, o tenantlock.Owner, t task.Task, claim uint32) error {
	if len(o.Quotas) == 0 {
		return nil
	}
	bounds := Bounds(o.Quotas, t.Tenant.Labels)
	asked := make([]store.Occupation, len(bounds))
	for i, b := range bounds {
		asked[i] = store.Occupation{Place: placeOf(o, b.QuotaKey, t.ID.Ordinal(), tenantlock.RunPhase(t)), Max: b.Max, From: claim}
	}
	var missing []store.Occupation
	for range maxTries {
		if err := m.occupy(ctx, asked); err != nil {
			return err
		}
		if missing = missingOf(asked); len(missing) == 0 {
			return nil
		}
		freed, err := m.makeRoom(ctx, missing)
		if err != nil {
			return err
		}
		if !freed {
			break
		}
		for i := range asked {
			switch other := asked[i].Other; {
			case other.Plan == 0:
			case tenantlock.NewerRun(other.Phase, asked[i].Phase):
				return tenantlock.ErrOldToken // this process has lost the task meanwhile
			default:
				asked[i].From = other.Phase
			}
		}
	}
	if err := m.Vacate(ctx, placesOf(asked)); err != nil {
		return err
	}
	return &FullError{Bound{missing[0].QuotaKey, missing[0].Max}}
}

// missingOf returns those of the occupations that were not taken.
func missingOf(asked []store.Occupation) (missing []store.Occupation) {
	for _, a := range asked {
		if !a.Taken {
			missing = append(missing, a)
		}
	}
	return missing
}

// makeRoom frees stale places in the quotas of the missing ones. It reports whether it is worth
// asking again: some place was freed, or the task itself has another one, which can be replaced.
func (m *Manager) makeRoom(ctx context.Context, missing []store.Occupation) (freed bool, err error) {
	for i := range missing {
		a := &missing[i]
		if other := a.Other; other.Plan != 0 {
			if other.Start != a.Start { // of a start that was given up
				err = m.Vacate(ctx, []store.Place{other})
			}
			if err != nil {
				return false, err
			}
			freed = true
			continue
		}
		n, err := m.DropStale(ctx, a.QuotaKey, 0)
		if err != nil {
			return false, err
		}
		freed = freed || n > 0
	}
	return freed, nil
}

func placesOf(asked []store.Occupation) []store.Place {
	places := make([]store.Place, len(asked))
	for i := range asked {
		places[i] = asked[i].Place
	}
	return places
}

// occupy asks for places.
func (m *Manager) occupy(ctx context.Context, asked []store.Occupation) error {
	for batch := range slices.Chunk(asked, store.MaxBatch) {
		if err := m.client.Do(ctx, "occupy", func() error { return m.client.Store.Occupy(ctx, batch) }); err != nil {
			return err
		}
	}
	return nil
}

// Vacate frees places, except those that have changed since they were read.
func (m *Manager) Vacate(ctx context.Context, places []store.Place) error {
	for batch := range slices.Chunk(places, store.MaxBatch) {
		if err := m.client.Do(ctx, "vacate", func() error { return m.client.Store.Vacate(ctx, batch) }); err != nil {
			return err
		}
	}
	return nil
}

// in returns the places that are taken in a quota.
func (m *Manager) in(ctx context.Context, q store.QuotaKey) (taken []store.Place, err error) {
	err = m.client.Do(ctx, "places", func() (err error) {
		taken, err = m.client.Store.Places(ctx, q)
		return err
	})
	return taken, err
}

// DropStale frees the places in a quota that no task needs, only those of one plan if it is
// not 0, and returns how many. Places whose plans cannot be looked at stay; the error then says so.
func (m *Manager) DropStale(ctx context.Context, q store.QuotaKey, of plan.ID) (freed int, err error) {
	taken, err := m.in(ctx, q)
	if err != nil {
		return 0, err
	}
	if of != 0 {
		taken = slices.DeleteFunc(taken, func(p store.Place) bool { return p.Plan != of })
	}
	_, stale, problem := m.judge(ctx, taken)
	if err := m.Vacate(ctx, stale); err != nil {
		return 0, err
	}
	return len(stale), problem
}

// DropOf frees the stale places of the tasks of a plan after an ordinal and up to another one.
func (m *Manager) DropOf(ctx context.Context, p plan.Plan, after, end int) error {
	if len(p.Strategy.Quotas) == 0 {
		return nil
	}
	keys := make(map[store.QuotaKey]struct{})
	for first := after + 1; first <= end; first += store.MaxBatch {
		ordinals := make([]int, min(store.MaxBatch, end+1-first))
		for i := range ordinals {
			ordinals[i] = first + i
		}
		tasks, err := m.client.TasksAt(ctx, p.ID, ordinals)
		if err != nil {
			return err
		}
		for i := range tasks {
			for _, b := range Bounds(p.Strategy.Quotas, tasks[i].Tenant.Labels) {
				keys[b.QuotaKey] = struct{}{}
			}
		}
	}
	for key := range keys {
		if _, err := m.DropStale(ctx, key, p.ID); err != nil {
			return err
		}
	}
	return nil
}

// Holders returns the tasks that have the places of a quota, and need them.
func (m *Manager) Holders(ctx context.Context, q store.QuotaKey) (held []store.Place, err error) {
	taken, err := m.in(ctx, q)
	if err != nil {
		return nil, err
	}
	held, _, err = m.judge(ctx, taken)
	slices.SortFunc(held, func(a, b store.Place) int {
		return cmp.Or(cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Ordinal, b.Ordinal))
	})
	return held, err
}

// judge tells the places that are needed from those that are stale. The places must have been
// read before the call: a place that is found stale stays so as long as it has exactly this value,
// because a worker gives it another one before it works on the task. The places of a plan that
// cannot be looked at count as needed; the error is that of the first such plan.
func (m *Manager) judge(ctx context.Context, places []store.Place) (held, stale []store.Place, err error) {
	of := make(map[plan.ID][]store.Place)
	for _, p := range places {
		of[p.Plan] = append(of[p.Plan], p)
	}
	for id, places := range of {
		needed, old, problem := m.judgeOf(ctx, id, places)
		if problem != nil {
			needed, old, err = places, nil, cmp.Or(err, problem)
		}
		held, stale = append(held, needed...), append(stale, old...)
	}
	return held, stale, err
}

// judgeOf judges places of one plan.
func (m *Manager) judgeOf(ctx context.Context, id plan.ID, places []store.Place) (held, stale []store.Place, err error) {
	p, err := m.client.Plan(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && p.Over() {
		return nil, places, nil
	}
	if err != nil {
		return nil, nil, err
	}
	for batch := range slices.Chunk(places, store.MaxBatch) {
		ordinals := make([]int, len(batch))
		for i, l := range batch {
			ordinals[i] = l.Ordinal
		}
		tasks, err := m.client.TasksAt(ctx, id, ordinals)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return nil, nil, err
		}
		inFlight := make(map[int]bool, len(tasks))
		for _, t := range tasks {
			inFlight[t.ID.Ordinal()] = t.State.InFlight()
		}
		for _, l := range batch {
			if l.Start == p.StartToken && (inFlight[l.Ordinal] || tenantlock.ClaimUnderWay(l.Phase)) {
				held = append(held, l)
			} else {
				stale = append(stale, l)
			}
		}
	}
	return held, stale, nil
}
