package storetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

func placeCases() []testCase {
	return []testCase{
		{name: "occupy up to the maximum", run: occupyUpTo},
		{name: "each asks with its own maximum", run: occupyWithOwnMax},
		{name: "occupy in several quotas", run: occupySeveral},
		{name: "occupy again", run: occupyAgain},
		{name: "replace exactly", run: occupyReplacing},
		{name: "vacate exactly", run: vacateExactly},
		{name: "the largest quota", run: occupyLargest},
		{name: "quotas of any name", run: occupyAnyName},
		{name: "concurrent", run: occupyConcurrent},
		{name: "what makes no sense", run: occupyNonsense},
	}
}

func shard(value string) store.QuotaKey { return store.QuotaKey{Label: "shard", Value: value} }

// place returns the place of a task in a quota.
func place(q store.QuotaKey, id plan.ID, ordinal int) store.Place {
	return store.Place{QuotaKey: q, Plan: id, Ordinal: ordinal, Start: 9, Phase: 2}
}

// otherPlaces returns places that differ from p in one field each, of the same task.
func otherPlaces(p store.Place) []store.Place {
	list := []store.Place{p, p}
	list[0].Start++
	list[1].Phase++
	return list
}

// occupy asks for places, each one of at most so many, and returns the results.
func (e *env) occupy(most int, places ...store.Place) []store.Occupation {
	e.Helper()
	asked := make([]store.Occupation, len(places))
	for i, p := range places {
		asked[i] = store.Occupation{Place: p, Max: most, Taken: i%2 == 0, Other: places[0]} // left from before
	}
	e.ok(e.Occupy(e.ctx, asked))
	return asked
}

// occupied asks for one place, which must or must not be taken; other is what is in its way.
func (e *env) occupied(o store.Occupation, taken bool, other store.Place) {
	e.Helper()
	asked := []store.Occupation{o}
	e.ok(e.Occupy(e.ctx, asked))
	equal(e, "taken", asked[0].Taken, taken)
	equal(e, "another place", asked[0].Other, other)
}

// taken expects exactly these places to be taken in a quota.
func (e *env) taken(q store.QuotaKey, want ...store.Place) {
	e.Helper()
	got, err := e.Places(e.ctx, q)
	e.ok(err)
	order := func(a, b store.Place) int {
		return cmp.Or(cmp.Compare(a.Plan, b.Plan), cmp.Compare(a.Ordinal, b.Ordinal))
	}
	slices.SortFunc(got, order)
	slices.SortFunc(want, order)
	if !slices.Equal(got, want) {
		e.Errorf("places of %+v: %+v, want %+v", q, got, want)
	}
	counts, err := e.CountPlaces(e.ctx, []store.QuotaKey{q})
	e.ok(err)
	equal(e, "counted", fmt.Sprint(counts), fmt.Sprint([]int{len(want)}))
}

// occupyUpTo: as many tasks have a place as the maximum says, of one plan or several; what is freed
// is taken by the next.
func occupyUpTo(e *env) {
	q := shard("a")
	e.taken(q)
	first, second, third := place(q, 1, 1), place(q, 1, 2), place(q, 2, 1)
	for i, o := range e.occupy(2, first, second, third) {
		equal(e, "taken", o.Taken, i < 2)
		equal(e, "another place", o.Other, store.Place{})
	}
	e.taken(q, first, second)
	e.ok(e.Vacate(e.ctx, []store.Place{first}))
	e.occupied(store.Occupation{Place: third, Max: 2}, true, store.Place{})
	e.occupied(store.Occupation{Place: first, Max: 2}, false, store.Place{})
	e.taken(q, second, third)
}

// occupyWithOwnMax: the maximum is that of the one who asks, and counts all places.
func occupyWithOwnMax(e *env) {
	q := shard("a")
	places := []store.Place{place(q, 1, 1), place(q, 1, 2), place(q, 2, 1), place(q, 2, 2)}
	e.occupied(store.Occupation{Place: places[0], Max: 3}, true, store.Place{})
	e.occupied(store.Occupation{Place: places[1], Max: 3}, true, store.Place{})
	e.occupied(store.Occupation{Place: places[2], Max: 1}, false, store.Place{})
	e.occupied(store.Occupation{Place: places[2], Max: 2}, false, store.Place{})
	e.occupied(store.Occupation{Place: places[2], Max: 3}, true, store.Place{})
	e.occupied(store.Occupation{Place: places[0], Max: 1}, true, store.Place{}) // it has it already
	e.occupied(store.Occupation{Place: places[3], Max: 3}, false, store.Place{})
}

// occupySeveral: the quotas of one call are independent of each other; a task may have a place in
// each.
func occupySeveral(e *env) {
	a, b, other := shard("a"), shard("b"), store.QuotaKey{Label: "region", Value: "a"}
	places := []store.Place{place(a, 1, 1), place(b, 1, 1), place(a, 1, 2), place(other, 1, 1), place(b, 1, 2)}
	for i, o := range e.occupy(1, places...) {
		equal(e, fmt.Sprint("taken ", i), o.Taken, i != 2 && i != 4)
	}
	e.taken(a, places[0])
	e.taken(b, places[1])
	e.taken(other, places[3])
	counts, err := e.CountPlaces(e.ctx, []store.QuotaKey{b, shard("unknown"), a, b})
	e.ok(err)
	equal(e, "counts", fmt.Sprint(counts), "[1 0 1 1]")
	counts, err = e.CountPlaces(e.ctx, nil)
	e.ok(err)
	equal(e, "counts of no quotas", len(counts), 0)
	e.ok(e.Occupy(e.ctx, nil))
}

// occupyAgain: a repeated call takes no second place, and a task with another place in the quota
// keeps that one.
func occupyAgain(e *env) {
	q := shard("a")
	mine := place(q, 1, 1)
	for range 3 {
		e.occupied(store.Occupation{Place: mine, Max: 2}, true, store.Place{})
	}
	for _, p := range otherPlaces(mine) {
		e.occupied(store.Occupation{Place: p, Max: 2}, false, mine)
	}
	e.taken(q, mine)
}

// occupyReplacing: a place is replaced only if it has exactly the expected value, whether or not
// the quota is full.
func occupyReplacing(e *env) {
	q := shard("a")
	old, next := place(q, 1, 1), place(q, 1, 1)
	next.Phase = 7
	e.occupied(store.Occupation{Place: old, Max: 1}, true, store.Place{})
	e.occupied(store.Occupation{Place: next, Max: 1, From: 3}, false, old)
	foreign := next
	foreign.Start++
	e.occupied(store.Occupation{Place: foreign, Max: 1, From: old.Phase}, false, old)
	e.occupied(store.Occupation{Place: next, Max: 1, From: old.Phase}, true, store.Place{})
	e.occupied(store.Occupation{Place: next, Max: 1, From: old.Phase}, true, store.Place{}) // sent again
	e.taken(q, next)
	// Without a place to replace, it is one more.
	e.occupied(store.Occupation{Place: place(q, 1, 2), Max: 1, From: 5}, false, store.Place{})
	e.occupied(store.Occupation{Place: place(q, 1, 2), Max: 2, From: 5}, true, store.Place{})
}

func vacateExactly(e *env) {
	q := shard("a")
	mine, neighbour := place(q, 1, 1), place(q, 1, 2)
	e.occupy(2, mine, neighbour)
	foreign := append(otherPlaces(mine), place(q, 2, 1), place(q, 1, 3), place(shard("b"), 1, 1))
	e.ok(e.Vacate(e.ctx, foreign))
	e.taken(q, mine, neighbour)
	e.ok(e.Vacate(e.ctx, append(foreign, mine)))
	e.ok(e.Vacate(e.ctx, []store.Place{mine}))
	e.taken(q, neighbour)
	e.ok(e.Vacate(e.ctx, nil))
}

// occupyLargest: all places of the largest quota can be taken and read.
func occupyLargest(e *env) {
	q := shard("a")
	var all []store.Place
	for i := range store.MaxPlaces {
		all = append(all, place(q, plan.ID(1+i%3), 1+i))
	}
	for batch := range slices.Chunk(all, store.MaxBatch) {
		for _, o := range e.occupy(store.MaxPlaces, batch...) {
			equal(e, "taken", o.Taken, true)
		}
	}
	e.occupied(store.Occupation{Place: place(q, 9, 1), Max: store.MaxPlaces}, false, store.Place{})
	e.taken(q, all...)
}

// occupyAnyName: quotas are told apart whatever bytes their labels and values have.
func occupyAnyName(e *env) {
	var quotas []store.QuotaKey
	for _, last := range []string{"a", "b", "世界", "\x00"} { // as long as a tenant's labels may be
		quotas = append(quotas, store.QuotaKey{Label: "a", Value: longText(16_000) + last})
	}
	for _, q := range [][2]string{
		{"a", "b:c"}, {"a:b", "c"}, {"a", ""}, {"a:", ""}, {"{a}", "{b}"}, {"a b", "\x00\n"}, {"ä", "世界"}, {"1:a", "b"}, {"a", "1:b"}, {"*", "%s"},
	} {
		quotas = append(quotas, store.QuotaKey{Label: q[0], Value: q[1]})
	}
	for i, q := range quotas {
		equal(e, fmt.Sprint(q), e.occupy(1, place(q, 1, 1+i))[0].Taken, true)
	}
	for i, q := range quotas {
		e.taken(q, place(q, 1, 1+i))
	}
}

// longText returns a text of n letters, always the same, that no compression makes short.
func longText(n int) string {
	r, text := rand.New(rand.NewPCG(1, 2)), make([]byte, n) //nolint:gosec // no secret
	for i := range text {
		text[i] = 'a' + byte(r.IntN(26))
	}
	return string(text)
}

// occupyConcurrent: of many that ask for the last places as many get one as there are, and of many
// that replace a place one does.
func occupyConcurrent(e *env) {
	const rivals = 8
	q, old := shard("a"), place(shard("old"), 1, 1)
	e.occupy(1, old)
	var taken, replaced atomic.Int64
	var group sync.WaitGroup
	for i := range rivals {
		group.Go(func() {
			next := old
			next.Phase = uint32(10 + i)
			asked := []store.Occupation{
				{Place: place(q, plan.ID(1+i), 1), Max: 3}, {Place: next, Max: 1, From: old.Phase}, {Place: place(q, plan.ID(1+i), 2), Max: 3},
			}
			if err := e.Occupy(e.ctx, asked); err != nil {
				e.Errorf("occupy: %v", err)
			}
			for k, o := range asked {
				switch {
				case k == 1 && o.Taken:
					replaced.Add(1)
				case o.Taken:
					taken.Add(1)
				}
			}
		})
	}
	group.Wait()
	equal(e, "taken", taken.Load(), 3)
	equal(e, "replaced", replaced.Load(), 1)
}

func occupyNonsense(e *env) {
	asked := make([]store.Occupation, store.MaxBatch+1)
	for i := range asked {
		asked[i] = store.Occupation{Place: place(shard("a"), 1, 1+i), Max: store.MaxPlaces}
	}
	e.refused("too many to occupy", e.Occupy(e.ctx, asked))
	for what, o := range map[string]store.Occupation{
		"of no places":         {Place: place(shard("a"), 1, 1)},
		"of a negative number": {Place: place(shard("a"), 1, 1), Max: -1},
		"of too many":          {Place: place(shard("a"), 1, 1), Max: store.MaxPlaces + 1},
		"without a label":      {Place: place(store.QuotaKey{Value: "a"}, 1, 1), Max: 1},
		"without an ordinal":   {Place: place(shard("a"), 1, 0), Max: 1},
	} {
		e.refused(what, e.Occupy(e.ctx, []store.Occupation{asked[0], o}))
	}
	e.taken(shard("a"))
	e.refused("too many to vacate", e.Vacate(e.ctx, make([]store.Place, store.MaxBatch+1)))
	_, err := e.CountPlaces(e.ctx, make([]store.QuotaKey, store.MaxBatch+1))
	e.refused("too many to count", err)
	e.occupy(store.MaxPlaces, place(shard("a"), 1, 1))
}

// placesAtOnce are the calls about places by several at once.
func placesAtOnce() map[string]func(*env) {
	return map[string]func(*env){
		"Occupy": func(e *env) {
			q := shard("at once")
			e.allOK("occupy", func(int) error {
				asked := []store.Occupation{{Place: place(q, 1, 1), Max: 1}}
				err := e.Occupy(e.ctx, asked)
				equal(e, "taken", asked[0].Taken, true)
				return err
			})
			e.allOK("places", func(int) error {
				got, err := e.Places(e.ctx, q)
				equal(e, "places", len(got), 1)
				return err
			})
			e.allOK("vacate", func(int) error { return e.Vacate(e.ctx, []store.Place{place(q, 1, 1)}) })
			e.allOK("count", func(int) error {
				counts, err := e.CountPlaces(e.ctx, []store.QuotaKey{q})
				equal(e, "places left", fmt.Sprint(counts), "[0]")
				return err
			})
		},
		"Vacate": func(*env) {}, "Places": func(*env) {}, "CountPlaces": func(*env) {}, // with Occupy
	}
}
