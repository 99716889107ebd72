package redisack

import "time"

// member is one endpoint of a run. It belongs to the run's goroutine; an attempt gets copies of what it needs.
type member struct {
	ep       Endpoint
	row      EndpointReport
	standing standing

	// due is when the next attempt starts; while one is running, when it counts as hung. pos is the place in the
	// agenda, -1 outside it.
	due time.Duration
	pos int

	attempt int           // counts the attempts, so that a late result is known as such
	running bool          // an attempt has not returned
	stuck   bool          // it has not returned although its time is up
	slow    bool          // the last attempt timed out: use the slow lane
	last    bool          // the attempt at the end of the run's time has been made or planned
	timeout time.Duration // of the next attempt
	waits   int           // consecutive answers of a client that is not there yet
	delays  Delays        // made on the first error

	err       *ProbeError // the last one
	instance  string      // who answers, in its own words
	displaced bool        // it is gone because another instance answers at its address:
	heir      *member     // that one; nil if joiners are left out

	claiming   bool // says that it is ahead, which is being checked
	boot       string
	refusedBy  string        // boot of the process that refused
	matches    int           // consecutive matches
	firstMatch time.Duration // when they began
}

// answers notes who answers.
func (m *member) answers(instance string) {
	m.instance, m.row.Instance = instance, cleanID(instance)
}

// standing is how a member counts. The order is of no meaning.
type standing uint8

const (
	standsPending standing = iota // no answer yet, or matches that are not stable yet
	standsBehind
	standsDifferent
	standsErrored
	standsAhead     // failed, unless newer is accepted
	standsRejected  // failed
	standsExhausted // failed: no attempts left, the last answer was another version
	standsBroken    // failed: no attempts left or a permanent error
	standsConfirmed
	standsGone
)

// failed reports whether the member cannot confirm any more.
func (s standing) failed() bool {
	return s == standsAhead || s == standsRejected || s == standsExhausted || s == standsBroken
}

// settled reports whether the member is not asked any more.
func (s standing) settled() bool { return s >= standsAhead }

// reason is what the report says.
func (s standing) reason() Reason {
	switch s {
	case standsPending:
		return ReasonPending
	case standsBehind, standsDifferent, standsExhausted:
		return ReasonMismatch
	case standsErrored, standsBroken:
		return ReasonEndpointError
	case standsAhead:
		return ReasonSuperseded
	case standsRejected:
		return ReasonRejected
	case standsConfirmed:
		return ReasonConfirmed
	case standsGone:
		return ReasonGone
	}
	return ReasonPending
}

// census counts members by standing, in all and by group. Invariant: the sums equal the members that are not gone.
type census struct {
	counts
	by standings
}

// standings is how many members stand how.
type standings [standsGone + 1]int

func newCensus() census { return census{counts: counts{groups: make(map[string]*count)}} }

// enter counts a new member.
func (c *census) enter(m *member) {
	c.each(m.ep.Group, func(n *count) { n.members++ })
	m.standing = standsPending
	c.by[standsPending]++
}

// move changes a member's standing. Nobody comes back from gone.
func (c *census) move(m *member, to standing) {
	from := m.standing
	if from == to || from == standsGone {
		return
	}
	m.standing = to
	c.by[from]--
	c.by[to]++
	c.each(m.ep.Group, func(n *count) {
		n.confirmed += one(to == standsConfirmed) - one(from == standsConfirmed)
		n.failed += one(to.failed()) - one(from.failed())
		n.members -= one(to == standsGone)
	})
}

func (c *census) each(group string, f func(*count)) {
	f(&c.count)
	g := c.groups[group]
	if g == nil {
		g = new(count)
		c.groups[group] = g
	}
	f(g)
	if g.members == 0 {
		delete(c.groups, group)
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// open is the number of members that are still asked.
func (c *census) open() int { return c.members - c.confirmed - c.failed }

// tally is the public form.
func (c *census) tally() Tally {
	return Tally{
		Members:   c.members,
		Confirmed: c.by[standsConfirmed],
		Behind:    c.by[standsBehind],
		Different: c.by[standsDifferent] + c.by[standsExhausted],
		Ahead:     c.by[standsAhead],
		Rejected:  c.by[standsRejected],
		Errored:   c.by[standsErrored] + c.by[standsBroken],
		Pending:   c.by[standsPending],
		Gone:      c.by[standsGone],
	}
}
