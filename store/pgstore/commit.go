package pgstore

import (
	"context"
	"errors"
	"reflect"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	b.Claimed = b.Claimed[:0]
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		return err
	}
	// The caller may use b again as soon as ctx has ended, and the transaction may go on then.
	own := &commit{Batch: store.Batch{Plan: b.Plan, Changes: slices.Clone(b.Changes), Claim: b.Claim}, done: make(chan struct{})}
	own.Claim.Pending = slices.Clone(b.Claim.Pending)
	if err := s.groups.do(ctx, own); err != nil {
		return err
	}
	for i := range b.Changes {
		w := &own.Changes[i]
		b.Changes[i].Err, b.Changes[i].Stop, b.Changes[i].State = w.Err, w.Stop, w.State
	}
	b.Claimed, b.View = append(b.Claimed, own.claimed...), own.View
	return nil
}

// together carries out commits of one plan in one transaction.
func (s *Store) together(group []*commit) error {
	return s.write(context.Background(), func(t *tx) error {
		id := group[0].Plan
		work := make([]*store.Batch, len(group))
		for i, c := range group {
			work[i] = &c.Batch
		}
		var p *rollout
		var r *rows
		var rests []int64
		var before int64
		var yields bool
		var newest task.Token
		for _, all := range []bool{false, true} {
			var err error
			if p, r, err = t.loadFor(id, work, all); err != nil {
				return err
			}
			before, yields, newest, rests = p.LastEvent, false, p.newest, rests[:0]
			for _, c := range group {
				done := c.carryOut(r, newest)
				newest, yields = done.Newest, yields || c.Yields()
				if done.AtRest {
					rests = append(rests, p.LastEvent)
				}
			}
			if r.Err() == nil {
				break // otherwise a claim was asked for that was left out
			}
		}
		if err := r.flush(t, nil, rests, s.cfg.MaxEvents); err != nil {
			return err
		}
		if yields {
			t.wake(id, p.real)
		}
		t.raiseTokens(p, newest)
		t.then(func() { s.cached.setLast(&p.Plan) })
		if p.LastEvent != before || yields {
			step := p.Breached || p.Counters.InFlight() == 0
			t.then(func() { s.hints.Give(store.Hint{Plan: id, OnlyEvents: !yields && !step}) })
		}
		return nil
	})
}

// loadFor locks and reads a plan, and what commits of it need: in one round trip if the plan is as
// this process has left it, which decides where to look, and else in two. With all, the claims of
// tasks are read that are only saved, too: who holds one is asked for if the save is fenced.
func (t *tx) loadFor(id plan.ID, work []*store.Batch, all bool) (*rollout, *rows, error) {
	p := t.queueMain(id, true)
	var r *rows
	var expected rules.Need
	if last := p.known.last; last != nil {
		expected = rules.Needs(last, work)
		r = expectRows(p, last.Sequential())
		r.only(work, all)
		r.queue(t, &expected)
	}
	if !p.known.simple() {
		t.queueParts(p)
	}
	if err := t.flush(); err != nil && (r == nil || !errors.Is(err, store.ErrCorrupt)) {
		return nil, nil, err
	}
	damage := t.err
	t.err = nil
	if p.known.simple() && !p.stillSimple() {
		t.queueParts(p)
		if err := t.flush(); err != nil {
			return nil, nil, err
		}
	}
	if err := p.parse(); err != nil {
		return nil, nil, err
	}
	n := rules.Needs(&p.Plan, work)
	if r != nil && reflect.DeepEqual(n, expected) && r.sequential == p.Sequential() {
		if damage != nil {
			return nil, nil, damage
		}
		return p, r, t.settle(r, &n)
	}
	r = expectRows(p, p.Sequential())
	r.only(work, all)
	r.queue(t, &n)
	if err := t.flush(); err != nil {
		return nil, nil, err
	}
	return p, r, t.settle(r, &n)
}

// only says of which tasks the claims are read: not of those that are only saved, unless all is
// set.
func (r *rows) only(work []*store.Batch, all bool) {
	if all {
		return
	}
	r.ends = []int32{}
	for _, b := range work {
		for i := range b.Changes {
			if w := &b.Changes[i]; w.Kind != store.Save {
				r.ends = append(r.ends, int32(w.Task.Ordinal())) //nolint:gosec // ordinals are below 2^20
			}
		}
	}
}

// carryOut lets the rules carry out a commit, without the changes of tasks that are damaged: these
// are answered.
func (c *commit) carryOut(r *rows, newest task.Token) rules.Outcome {
	work := c.Batch
	damaged := false
	for i := range c.Changes {
		w := &c.Changes[i]
		w.Err = nil
		if o := w.Task.Ordinal(); w.Task.Plan() == c.Plan && o >= 1 {
			w.Err = r.bad[uint32(o)]
		}
		damaged = damaged || w.Err != nil
	}
	if damaged {
		work.Changes = slices.DeleteFunc(slices.Clone(c.Changes), func(w store.Change) bool { return w.Err != nil })
	}
	done := rules.Commit(&r.p.Plan, r, &work, rules.Moment{Now: r.p.now, Newest: newest})
	c.View = work.View
	if damaged {
		c.answer(&work)
	}
	c.claimed = c.claimed[:0]
	for _, ordinal := range done.Claimed {
		if t := r.Task(ordinal); t != nil {
			var claimed task.Task
			r.p.Export(ordinal, t, r.Worker(t.Claim), &claimed)
			c.claimed = append(c.claimed, claimed)
		}
	}
	return done
}

// answer copies the answers of the changes that were not damaged.
func (c *commit) answer(work *store.Batch) {
	next := 0
	for i := range c.Changes {
		w := &c.Changes[i]
		if w.Err == nil {
			*w = work.Changes[next]
			next++
		} else {
			w.Stop, w.State = task.Go, task.Pending
		}
	}
}

// Apply implements store.Writer.
func (s *Store) Apply(ctx context.Context, c store.Command) (a store.Applied, err error) {
	if err := ctx.Err(); err != nil {
		return store.Applied{}, err
	}
	if err := c.Check(); err != nil {
		return store.Applied{}, err
	}
	if err := s.write(ctx, func(t *tx) (err error) { a, err = s.apply(t, &c); return err }); err != nil {
		return store.Applied{}, err
	}
	return a, nil
}

func (s *Store) apply(t *tx, c *store.Command) (store.Applied, error) {
	p := t.queuePlan(c.Plan.ID, true)
	t.queueCommands(p)
	if err := t.flush(); err != nil {
		return store.Applied{}, err
	}
	if err := p.parse(); err != nil {
		return store.Applied{}, err
	}
	if err := p.checkCommands(); err != nil {
		return store.Applied{}, err
	}
	n := rules.NeedsOf(&p.Plan, c)
	r, err := t.loadRows(p, &n)
	if err != nil {
		return store.Applied{}, err
	}
	for i := range c.Edits {
		if bad := r.bad[uint32(c.Edits[i].ID.Ordinal())]; bad != nil {
			return store.Applied{}, bad
		}
	}
	stored := p.TaskCount + p.Marks.Appended
	done, err := rules.Apply(&p.Plan, r, c, rules.Moment{Now: p.now, Newest: p.newest})
	if err != nil || done.Repeated {
		return store.Applied{Plan: p.snapshot(r), Repeated: true}, err
	}
	p.changed = p.real
	if done.Dropped {
		t.exec("DELETE FROM @.task WHERE plan = $1 AND ordinal BETWEEN $2 AND $3", int64(p.ID), p.TaskCount+1, stored)
	}
	if err := t.saveControl(p); err != nil {
		return store.Applied{}, err
	}
	var rests []int64
	if done.AtRest {
		rests = []int64{p.LastEvent}
	}
	if err := r.flush(t, c.Events, rests, s.cfg.MaxEvents); err != nil {
		return store.Applied{}, err
	}
	t.wake(p.ID, p.real)
	t.raiseTokens(p, done.Newest)
	t.then(func() { s.hints.Give(store.Hint{Plan: c.Plan.ID}) })
	a := store.Applied{Plan: p.snapshot(r)}
	return a, r.Err()
}

// queueCommands adds the statement that reads the ids of the commands that the plan remembers.
func (t *tx) queueCommands(p *rollout) {
	t.each(func(r pgx.Rows) error {
		var slot int
		var id string
		if err := r.Scan(&slot, &id); err != nil {
			return err
		}
		p.Commands.IDs, p.raw.slots = append(p.Commands.IDs, decoded(id)), append(p.raw.slots, slot)
		return nil
	}, "SELECT slot, id FROM @.command WHERE plan = $1 ORDER BY slot", int64(p.ID))
}

func (p *rollout) checkCommands() error {
	for i, slot := range p.raw.slots {
		if slot != i {
			return p.s.corrupt("command", p.ID, "slot %d is missing", i)
		}
	}
	return nil
}

// wake puts a plan on the agenda and makes it unread for the subscriptions, with the transaction.
func (t *tx) wake(id plan.ID, now int64) {
	t.exec(`INSERT INTO @.agenda AS a (plan, stamp, due, hold, creating) VALUES ($1, nextval('@.stamp'), $2, 0, false)
		ON CONFLICT (plan) DO UPDATE SET stamp = excluded.stamp, due = least(a.due, excluded.due), creating = false`, int64(id), now)
	t.exec(`INSERT INTO @.unread AS u (subscription, plan, due) SELECT s.name, $1::bigint, $2::bigint
		FROM (SELECT name FROM @.subscription ORDER BY name FOR KEY SHARE) AS s
		ON CONFLICT (subscription, plan) DO UPDATE SET due = least(u.due, excluded.due)`, int64(id), now)
}
