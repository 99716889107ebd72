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

// Running returns the places under which a claimed task runs, and those under which it was claimed
// if claim, the phase of these, is not 0.
func Running(o tenantlock.Owner, t task.Task, claim uint32) []store.Place {
	if len(o.Quotas) == 0 {
		return nil
	}
	var places []store.Place
	for _, b := range Bounds(o.Quotas, t.Tenant.Labels) {
		places = append(places, placeOf(o, b.QuotaKey, t.ID.Ordinal(), tenantlock.RunPhase(t)))
		if claim != 0 {
			places = append(places, placeOf(o, b.QuotaKey, t.ID.Ordinal(), claim))
		}
	}
	return places
}

// Count returns how many places are taken in each of the quotas. One that cannot be read, because
// it is damaged, counts as full for everybody.
func (m *Manager) Count(ctx context.Context, quotas []store.QuotaKey) (counts []int, err error) {
	for batch := range slices.Chunk(quotas, store.MaxBatch) {
		var of []int
		err := m.client.Do(ctx, "count places", func() (err error) {
			of, err = m.client.Store.CountPlaces(ctx, batch)
			return err
		})
		switch {
		case errors.Is(err, store.ErrCorrupt) && len(batch) == 1:
			m.client.Fault("count places", err)
			of = []int{store.MaxPlaces}
		case errors.Is(err, store.ErrCorrupt):
			if of, err = m.countEach(ctx, batch); err != nil {
				return nil, err
			}
		case err != nil:
			return nil, err
		}
		counts = append(counts, of...)
	}
	return counts, nil
}

// countEach is Count, quota by quota.
func (m *Manager) countEach(ctx context.Context, quotas []store.QuotaKey) (counts []int, err error) {
	for _, q := range quotas {
		of, err := m.Count(ctx, []store.QuotaKey{q})
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

// Leave frees the places of a claimed task that stays in flight and waits for something else than a
// place, whichever run or claim has taken them. So no two tasks wait for each other.
func (m *Manager) Leave(ctx context.Context, o tenantlock.Owner, t task.Task) error {
	for _, b := range Bounds(o.Quotas, t.Tenant.Labels) {
		taken, err := m.in(ctx, b.QuotaKey)
		if err != nil {
			return err
		}
		err = m.Vacate(ctx, slices.DeleteFunc(taken, func(p store.Place) bool {
			return p.Plan != o.Plan || p.Ordinal != t.ID.Ordinal() || tenantlock.NewerRun(p.Phase, tenantlock.RunPhase(t))
		}))
		if err != nil {
			return err
		}
	}
	return nil
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
		// The places of a plan that cannot be looked at are as taken as others.
		n, problem, err := m.dropStale(ctx, a.QuotaKey, 0)
		m.client.Fault("search for stale places", problem)
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
