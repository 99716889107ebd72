package pgstore

import (
	"context"
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
	s.kept.take(c.Plan.ID) // it will be out of date
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
	p.changed, p.touched = p.real, true
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
	t.then(func() { s.hint(store.Hint{Plan: c.Plan.ID}) })
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
