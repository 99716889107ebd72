package dispatch

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/internal/quota"
	"github.com/cutover-go/cutover/store"
)

// groups are what a search knows of the quotas that bind the pending tasks of its plan. Tasks that
// are bound by the same quotas are one group. Pending tasks only become fewer, so a search that has
// gone over all of them need not go over them again to find out that nothing may begin.
type groups struct {
	// known are the groups that may have pending tasks up to the ordinal covered, by their names;
	// nil if they are too many.
	known   map[string]*group
	covered int
	// judged is when full quotas were last searched for stale places.
	judged time.Time
}

// group is the pending tasks that are bound by the same quotas.
type group struct {
	bounds []quota.Bound
	// from is an ordinal before which none of them is pending.
	from int
}

const (
	// maxGroups bounds the groups that a search remembers.
	maxGroups = 10_000
	// judgeRest is the least time between two searches for stale places, each of which looks at
	// judgedQuotas.
	judgeRest    = time.Second
	judgedQuotas = 10
)

func newGroups() groups { return groups{known: make(map[string]*group)} }

// groupName returns the name of the group that these quotas bind.
func groupName(bounds []quota.Bound) string {
	var b strings.Builder
	for _, q := range bounds {
		fmt.Fprintf(&b, "%d:%s%d:%s", len(q.Label), q.Label, len(q.Value), q.Value)
	}
	return b.String()
}

// saw records tasks after an ordinal and up to another one that are pending, with the quotas that
// bind each. all reports that no other one is.
func (gs *groups) saw(after, end int, all bool, ordinals []int, bounds [][]quota.Bound) {
	if gs.known == nil {
		return
	}
	first := make(map[string]int)
	for i, ordinal := range ordinals {
		name := groupName(bounds[i])
		if _, twice := first[name]; twice {
			continue
		}
		first[name] = ordinal
		if gs.known[name] == nil {
			gs.known[name] = &group{bounds: bounds[i], from: ordinal}
		}
	}
	for name, g := range gs.known {
		if g.from <= after || g.from > end {
			continue
		}
		g.from = end + 1
		if ordinal, has := first[name]; has {
			g.from = ordinal
		}
	}
	switch {
	case !all:
		gs.covered = min(gs.covered, after)
	case after <= gs.covered:
		gs.covered = max(gs.covered, end)
	}
	if len(gs.known) > maxGroups {
		gs.known = nil
	}
}

// rooms are the places in quotas, as far as they were counted.
type rooms struct {
	quotas *quota.Manager
	known  map[store.QuotaKey]room
}

// room is how many places of a quota are taken, and how many there are for the plan.
type room struct{ taken, places int }

// count counts the places in those quotas that were not counted yet.
func (r *rooms) count(ctx context.Context, of [][]quota.Bound) error {
	var keys []store.QuotaKey
	for _, bounds := range of {
		for _, b := range bounds {
			if _, counted := r.known[b.QuotaKey]; !counted {
				r.known[b.QuotaKey] = room{places: b.Max}
				keys = append(keys, b.QuotaKey)
			}
		}
	}
	counts, err := r.quotas.Count(ctx, keys)
	for i, key := range keys {
		if err != nil {
			delete(r.known, key)
			continue
		}
		r.known[key] = room{counts[i], r.known[key].places}
	}
	return err
}

// has reports whether there is a place in all of the quotas.
func (r *rooms) has(bounds []quota.Bound) bool {
	return !slices.ContainsFunc(bounds, func(b quota.Bound) bool { return r.known[b.QuotaKey].taken >= b.Max })
}

// take counts a place more in each of the quotas.
func (r *rooms) take(bounds []quota.Bound) {
	for _, b := range bounds {
		r.known[b.QuotaKey] = room{r.known[b.QuotaKey].taken + 1, b.Max}
	}
}

// blocked reports whether all pending tasks of the plan up to the ordinal last are known, and none
// of them finds a place. Otherwise, if jump is set, the search goes on where a task may find one.
func (s *search) blocked(ctx context.Context, r *rooms, last int, jump bool) (bool, error) {
	gs := &s.groups
	if gs.known == nil || gs.covered < last {
		return false, nil
	}
	var of [][]quota.Bound
	for name, g := range gs.known {
		if g.from > gs.covered {
			delete(gs.known, name) // none is left
			continue
		}
		of = append(of, g.bounds)
	}
	if err := r.count(ctx, of); err != nil {
		return false, err
	}
	from := last + 1
	for _, g := range gs.known {
		if r.has(g.bounds) {
			from = min(from, g.from)
		}
	}
	if from > last {
		return true, nil
	}
	if jump {
		s.after = from - 1
	}
	return false, nil
}

// dropStale frees places that no task needs any more in some of the quotas that are full.
func (d *Dispatcher) dropStale(ctx context.Context, gs *groups, r *rooms) {
	if time.Since(gs.judged) < judgeRest {
		return
	}
	var full []store.QuotaKey
	for key, now := range r.known {
		if now.taken >= now.places {
			full = append(full, key)
		}
	}
	if len(full) == 0 {
		return
	}
	gs.judged = time.Now()
	rand.Shuffle(len(full), func(i, k int) { full[i], full[k] = full[k], full[i] })
	for _, key := range full[:min(len(full), judgedQuotas)] {
		_, err := d.opts.Quotas.DropStale(ctx, key, 0)
		d.opts.Client.Fault("search for stale places", err)
	}
}
