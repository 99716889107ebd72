package redisack

// tally counts members in total, by group and by status. Invariant: the counts of the groups add up
// to the total, and the counts of all statuses except gone add up to the number of members.
type tally struct {
	counts
	by statusCounts
}

// statusCounts holds the number of members with each status.
type statusCounts [statusGone + 1]int

func newTally() tally { return tally{counts: counts{groups: make(map[string]*count)}} }

// add counts a new member as pending.
func (t *tally) add(group string) {
	t.each(group, func(n *count) { n.members++ })
	t.by[statusPending]++
}

// move counts a member under another status. The caller must not move a member from gone.
func (t *tally) move(group string, from, to status) {
	t.by[from]--
	t.by[to]++
	t.each(group, func(n *count) {
		n.confirmed += one(to == statusConfirmed) - one(from == statusConfirmed)
		n.failed += one(to.failed()) - one(from.failed())
		n.members -= one(to == statusGone)
	})
}

func (t *tally) each(group string, f func(*count)) {
	f(&t.count)
	g := t.groups[group]
	if g == nil {
		g = new(count)
		t.groups[group] = g
	}
	f(g)
	if g.members == 0 {
		delete(t.groups, group)
	}
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// open returns the number of members that are still asked.
func (t *tally) open() int { return t.members - t.confirmed - t.failed }

// public returns the tally in the form for reports.
func (t *tally) public() Tally {
	return Tally{
		Members:   t.members,
		Confirmed: t.by[statusConfirmed],
		Behind:    t.by[statusBehind],
		Different: t.by[statusDifferent] + t.by[statusExhausted],
		Ahead:     t.by[statusAhead],
		Rejected:  t.by[statusRejected],
		Errored:   t.by[statusErrored] + t.by[statusBroken],
		Pending:   t.by[statusPending],
		Gone:      t.by[statusGone],
	}
}
