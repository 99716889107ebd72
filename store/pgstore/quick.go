package pgstore

import (
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

// fresh is how old a reading of the server's clock may be before it is read again, with the next
// commit.
const fresh = maxClock / 10

// quick carries out a group with what the last commit of this process has left, in one round trip,
// or in two if it needs tasks that were not kept. It returns false if that is not possible, because
// nothing was kept, or because somebody else has changed the plan: nothing was done then.
func (c *chain) quick(group []*commit) (done bool, err error) {
	r := c.s.kept.take(c.id)
	if r == nil {
		return false, nil
	}
	defer c.limit()()
	st := newStep(group)
	n := rules.Needs(&r.p.Plan, st.work)
	missing, some, good := r.missing(&n, st.work)
	if !good {
		return false, nil
	}
	real, age := c.s.clock.now()
	if some || age > maxClock {
		if err := c.fill(r, &missing, &real); err != nil || len(r.bad) > 0 {
			return false, c.outdated(err)
		}
	}
	r.p.real = max(r.p.real, real)
	r.p.now = c.s.stamp(r.p.real)
	result := st.apply(r.p, r)
	if r.Err() != nil {
		return false, c.outdated(nil)
	}
	if c.t.begun || r.changed() || result.yields {
		if !c.t.begun {
			c.t.begin(c.s.opening()...)
		}
		if err := c.write(r, &result); err != nil {
			return false, c.outdated(nil)
		}
		c.refuseKnown(r, n.Claims)
		c.commit(st)
		err = c.flush(age)
	} else {
		c.t.exec(unchanged, int64(c.id), r.p.revision)
		c.refuseKnown(r, n.Claims)
		if err = c.flush(age); err == nil {
			r.keep()
			st.answer()
		}
	}
	if st.done {
		return true, nil
	}
	return false, c.outdated(err)
}

// unchanged fails if somebody else has changed the plan.
const unchanged = "SELECT 1 / (count(*) = 1)::int FROM @.facts WHERE plan = $1 AND revision = $2"

// fill begins the transaction, makes sure that nobody else has changed the plan or will, and reads
// tasks.
func (c *chain) fill(r *rows, missing *rules.Need, real *int64) error {
	c.t.begin(c.s.opening()...)
	c.t.one(nil, []any{new(int), real}, "WITH f AS (SELECT 1 FROM @.facts WHERE plan = $1 AND revision = $2 FOR NO KEY UPDATE) SELECT 1 / (count(*) = 1)::int, "+
		clock+" FROM f", int64(c.id), r.p.revision)
	r.ends = nil
	r.queue(c.t, missing)
	if err := c.t.flush(); err != nil {
		return err
	}
	c.s.clock.read(*real)
	r.absorb(missing)
	return nil
}

// refuseKnown adds a statement that fails if the plan remembers one of the claims that were not
// assigned anything. The index sees to it that those that were are new.
func (c *chain) refuseKnown(r *rows, ids []string) {
	var odd []string
	for _, id := range ids {
		if _, known := r.Claim(id); !known {
			odd = append(odd, encoded(id))
		}
	}
	if len(odd) > 0 {
		c.t.exec("SELECT 1 / (count(*) = 0)::int FROM @.claim WHERE plan = $1 AND id = ANY ($2::text[])", int64(c.id), odd)
	}
}

// flush sends what waits, and reads the server's clock after it, if it was read long ago.
func (c *chain) flush(age time.Duration) error {
	var real int64
	if age > fresh {
		c.t.one(nil, []any{&real}, "SELECT "+clock)
	}
	err := c.t.flush()
	if err == nil && real != 0 {
		c.s.clock.read(real)
	}
	return err
}

// outdated ends the transaction, if one has begun, after an error, and forgets what was to be sent.
// It returns nil if the reason may be that what was kept is not what is stored.
func (c *chain) outdated(err error) error {
	var answer *pgconn.PgError
	if err != nil && !errors.Is(err, store.ErrCorrupt) && (!errors.As(err, &answer) || answer.Code != errCount && answer.Code != errUnique) {
		return err
	}
	rollBack(c.conn)
	c.t.b, c.t.after, c.t.err, c.t.begun = &pgx.Batch{}, nil, nil, false
	return nil
}
