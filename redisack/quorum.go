package redisack

import (
	"fmt"
	"slices"
)

// Quorum says how many endpoints have to confirm. All, AtLeast, Percent, PerGroup and Every make
// one. Its base is the members of the fleet, never only those that answer. A nil Quorum means All.
type Quorum interface {
	// decide reports whether counts meet the quorum, and whether they still can.
	decide(c counts) decision
	// check adds to f the faults that can be found before the run.
	check(c counts, f *faults)
	fmt.Stringer
}

// decision says whether a quorum is met. If several quorums have to be met, the greatest of their
// decisions prevails.
type decision uint8

const (
	met        decision = iota // enough have confirmed
	undecided                  // it may still be met
	short                      // the fleet has too few members
	impossible                 // too many have failed permanently
)

// count holds the numbers of a fleet, or of one of its groups, from which a quorum decides.
// Invariant: confirmed + failed <= members.
type count struct{ members, confirmed, failed int }

// counts are the counts of a fleet and of its groups.
type counts struct {
	count
	groups map[string]*count
}

// need decides whether n members have confirmed.
func (c count) need(n int) decision {
	switch {
	case c.confirmed >= n:
		return met
	case n > c.members:
		return short
	case c.members-c.failed < n:
		return impossible
	}
	return undecided
}

type all struct{}

// All requires every member to confirm. An empty fleet meets it.
func All() Quorum { return all{} }

func (all) decide(c counts) decision { return c.need(c.members) }
func (all) check(counts, *faults)    {}
func (all) String() string           { return "all" }

type atLeast int

// AtLeast requires n members to confirm.
func AtLeast(n int) Quorum { return atLeast(n) }

func (q atLeast) decide(c counts) decision { return c.need(int(q)) }

func (q atLeast) check(c counts, f *faults) {
	f.when(q < 1, "Policy.Quorum", fmt.Sprintf("asks for %d endpoints", int(q)))
	f.when(int(q) > c.members && c.members > 0, "Policy.Quorum",
		fmt.Sprintf("asks for %d endpoints of %d", int(q), c.members))
}

func (q atLeast) String() string { return fmt.Sprintf("at least %d", int(q)) }

type percent int

// Percent requires p percent of the members to confirm, rounded up: 99 percent of 50 are 50. p is
// from 1 to 100.
func Percent(p int) Quorum { return percent(p) }

func (q percent) decide(c counts) decision { return c.need((c.members*int(q) + 99) / 100) }

func (q percent) check(_ counts, f *faults) {
	f.when(q < 1 || q > 100, "Policy.Quorum", fmt.Sprintf("asks for %d percent", int(q)))
}

func (q percent) String() string { return fmt.Sprintf("%d percent", int(q)) }

type perGroup struct{ each Quorum }

// PerGroup requires each group of endpoints (Endpoint.Group) to meet q separately. Percent(95) of a
// whole fleet can be met although no member of a zone has confirmed; Every(Percent(95),
// PerGroup(Percent(50))) cannot.
func PerGroup(q Quorum) Quorum { return perGroup{each: q} }

func (q perGroup) decide(c counts) decision {
	worst := met
	for _, group := range c.groups {
		worst = max(worst, q.each.decide(counts{count: *group}))
	}
	return worst
}

func (q perGroup) check(c counts, f *faults) {
	if !usable(q.each, f) {
		return
	}
	if grouped(q.each) { // a group contains no groups, so an inner PerGroup would always be met
		f.add("Policy.Quorum", "has a PerGroup inside a PerGroup")
		return
	}
	names := make([]string, 0, len(c.groups))
	for name := range c.groups {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) == 0 {
		q.each.check(counts{}, f)
	}
	for _, name := range names {
		var own faults
		q.each.check(counts{count: *c.groups[name]}, &own)
		for _, fault := range own.list {
			f.add(fault.Field, fault.Problem+fmt.Sprintf(" in group %q", name))
		}
	}
}

// grouped reports whether the quorum contains a PerGroup.
func grouped(q Quorum) bool {
	switch q := q.(type) {
	case perGroup:
		return true
	case every:
		return slices.ContainsFunc(q, grouped)
	}
	return false
}

func (q perGroup) String() string { return fmt.Sprintf("%v per group", q.each) }

type every []Quorum

// Every requires each of the quorums to be met.
func Every(q ...Quorum) Quorum { return every(slices.Clone(q)) }

func (q every) decide(c counts) decision {
	worst := met
	for _, one := range q {
		worst = max(worst, one.decide(c))
	}
	return worst
}

func (q every) check(c counts, f *faults) {
	f.when(len(q) == 0, "Policy.Quorum", "is an Every without quorums")
	for _, one := range q {
		if usable(one, f) {
			one.check(c, f)
		}
	}
}

func (q every) String() string { return fmt.Sprintf("every of %v", []Quorum(q)) }

func usable(q Quorum, f *faults) bool {
	f.when(q == nil, "Policy.Quorum", "contains a nil Quorum")
	return q != nil
}
