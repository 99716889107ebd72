package pgstore

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// chain carries out groups of commits of one plan, one after the other, on one connection. What
// writes a group, and commits it, and what reads for the next one is sent together, so that a group
// costs one round trip, but for the first.
type chain struct {
	s    *Store
	id   plan.ID
	conn *pgxpool.Conn
	t    *tx
	more func() []*commit // the next group, nil if few commits wait
}

// links is the maximum number of groups in a chain: other plans wait for its connection.
const links = 16

// step is the work of a chain on one group.
type step struct {
	group []*commit
	work  []*store.Batch
	read  *loading
	done  bool // the group is committed, and answered
}

// carryOut carries out a group, and those that more returns. It returns the group that it could not
// carry out, with the error, and groups that it has not begun.
func (s *Store) carryOut(group []*commit, more func() []*commit) (failed, rest []*commit, err error) {
	ctx := context.Background()
	if s.closed.Load() {
		return group, nil, ErrClosed
	}
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	conn, err := s.pool.Acquire(limited)
	cancel()
	if err != nil {
		return group, nil, s.ended(ctx, err)
	}
	defer conn.Release()
	c := &chain{s: s, id: group[0].Plan, conn: conn, t: &tx{s: s, db: conn, b: &pgx.Batch{}}, more: more}
	done, err := c.quick(group)
	switch {
	case err != nil:
		failed = group
	case !done:
		failed, rest, err = c.run(group)
	}
	if err != nil {
		rollBack(conn)
		err = s.ended(ctx, err)
	}
	return failed, rest, err
}

// run carries out groups until few commits wait.
func (c *chain) run(group []*commit) (failed, rest []*commit, err error) {
	end := c.limit()
	defer func() { end() }()
	last := c.s.cached.get(c.id).last
	now := c.begin(group, last, last == nil || !last.Undo.Open)
	sent := c.t.flush()
	for n := 1; ; n++ {
		p, whole, err := c.change(now, sent)
		if err != nil {
			return now.group, nil, err
		}
		c.commit(now)
		var next *step
		if n < links && !whole { // else the next one has nothing to read
			if group = c.more(); group != nil {
				next = c.begin(group, &p.Plan, false)
			}
		}
		end()
		end = c.limit()
		sent = c.t.flush()
		switch {
		case !now.done && next != nil:
			return now.group, next.group, sent
		case !now.done:
			return now.group, nil, sent
		case next == nil:
			return nil, nil, nil
		}
		now = next
	}
}

// limit gives the statements from here on the time of one call.
func (c *chain) limit() (end func()) {
	ctx, cancel := context.WithTimeout(context.Background(), c.s.cfg.Timeout)
	c.t.ctx = ctx
	return cancel
}

func newStep(group []*commit) *step {
	st := &step{group: group, work: make([]*store.Batch, len(group))}
	for i, one := range group {
		st.work[i] = &one.Batch
	}
	return st
}

// begin adds the statements that begin a transaction and read what a group needs.
func (c *chain) begin(group []*commit, last *rules.Plan, all bool) *step {
	st := newStep(group)
	c.t.begin(c.s.opening()...)
	st.read = c.t.queueFor(c.id, st.work, last, all)
	return st
}

// change lets the rules carry out a group, and adds the statements that write what they have
// changed. err is that of the flush that has read for it. whole is set if the next group will find
// kept what it needs.
func (c *chain) change(st *step, err error) (p *rollout, whole bool, _ error) {
	t := c.t
	p, r, err := st.read.finish(t, err)
	if err != nil {
		return nil, false, err
	}
	done := st.apply(p, r)
	if r.Err() != nil { // perhaps a claim was asked for that was left out
		again := t.queueFor(c.id, st.work, st.read.p.known.last, true)
		if p, r, err = again.finish(t, t.flush()); err != nil {
			return nil, false, err
		}
		done = st.apply(p, r)
	}
	if err := c.write(r, &done); err != nil {
		return nil, false, err
	}
	last := p.Plan
	t.then(func() { c.s.cached.setLast(&last) })
	return p, r.whole(), nil
}

// write adds the statements that write what a group has changed.
func (c *chain) write(r *rows, done *outcome) error {
	p, t := r.p, c.t
	if err := r.flush(t, nil, done.rests, c.s.cfg.MaxEvents); err != nil {
		return err
	}
	if done.yields {
		t.wake(c.id, p.real)
	}
	t.raiseTokens(p, done.newest)
	t.then(r.keep)
	if done.happened || done.yields {
		step := p.Breached || p.Counters.InFlight() == 0
		yields := done.yields
		t.then(func() { c.s.hint(store.Hint{Plan: c.id, OnlyEvents: !yields && !step}) })
	}
	return nil
}

// outcome is what the commits of a group ask for, beside the writing of what they have changed.
type outcome struct {
	rests            []int64 // the numbers of the events that leave the plan at rest
	newest           task.Token
	happened, yields bool
}

// apply lets the rules carry out the commits of a group.
func (st *step) apply(p *rollout, r *rows) (o outcome) {
	before := p.LastEvent
	o.newest = p.newest
	for _, one := range st.group {
		done := one.carryOut(r, o.newest)
		o.newest, o.yields = done.Newest, o.yields || one.Yields()
		if done.AtRest {
			o.rests = append(o.rests, p.LastEvent)
		}
	}
	o.happened = p.LastEvent != before
	return o
}

// commit adds the end of the transaction of a group, which answers its callers.
func (c *chain) commit(st *step) {
	after := c.t.after
	c.t.after, c.t.begun = nil, false
	c.t.b.Queue("COMMIT").Exec(func(pgconn.CommandTag) error {
		for _, f := range after {
			f()
		}
		st.answer()
		return nil
	})
}

// answer tells the callers that a group is carried out.
func (st *step) answer() {
	st.done = true
	for _, one := range st.group {
		one.err = nil
		close(one.done)
	}
}
