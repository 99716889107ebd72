package sqlitestore

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// Commit implements store.Writer.
func (s *Store) Commit(ctx context.Context, b *store.Batch) error {
	b.Claimed = b.Claimed[:0]
	if err := b.Check(); err != nil {
		return err
	}
	// The caller may use b again as soon as ctx has ended, and the writer may still work then.
	own := &commit{Batch: store.Batch{Plan: b.Plan, Changes: slices.Clone(b.Changes), Claim: b.Claim}}
	own.Claim.Pending = slices.Clone(b.Claim.Pending)
	if err := s.writer.commit(ctx, func(tx *tx) error { return s.commit(tx, own) }); err != nil {
		return err
	}
	for i := range b.Changes {
		w := &own.Changes[i]
		b.Changes[i].Err, b.Changes[i].Stop, b.Changes[i].State = w.Err, w.Stop, w.State
	}
	b.Claimed, b.View = append(b.Claimed, own.claimed...), own.View
	return nil
}

// commit is a commit under way.
type commit struct {
	store.Batch
	claimed []task.Task
}

func (s *Store) commit(tx *tx, b *commit) error {
	p, err := tx.plan(b.Plan)
	if err != nil {
		return err
	}
	tx.spoiled = true // unless it succeeds
	r, now, before := tx.rows(p), s.now(), p.LastEvent
	work, err := b.readable(r)
	if err != nil {
		return err
	}
	done := rules.Commit(&p.Plan, r, &work, rules.Moment{Now: now, Newest: s.tokens.newest})
	if b.View = work.View; len(work.Changes) != len(b.Changes) {
		b.answer(&work)
	}
	b.claimed = b.claimed[:0]
	for _, ordinal := range done.Claimed {
		t := r.Task(ordinal)
		b.claimed = append(b.claimed, task.Task{})
		p.Export(ordinal, t, r.Worker(t.Claim), &b.claimed[len(b.claimed)-1])
	}
	if r.err != nil {
		return r.err
	}
	if done.AtRest {
		r.rests = append(r.rests, p.LastEvent)
	}
	if err := s.tokens.raise(tx, done.Newest); err != nil {
		return err
	}
	s.tell(tx, p.ID, b.Yields(), p.LastEvent != before, b.View.Breached || b.View.Counters.InFlight() == 0)
	if err := s.wake(tx, p.ID, b.Yields()); err != nil {
		return err
	}
	tx.spoiled = false
	return nil
}

// readable returns the batch without the changes of tasks that are damaged: these are answered.
func (b *commit) readable(r *rows) (store.Batch, error) {
	work, damaged := b.Batch, false
	for i := range b.Changes {
		w := &b.Changes[i]
		w.Err = nil
		if o := w.Task.Ordinal(); w.Task.Plan() == b.Plan && o >= 1 && o <= r.p.TaskCount {
			_, err := r.read(uint32(o))
			if err != nil && !errors.Is(err, store.ErrCorrupt) {
				return work, err
			}
			w.Err, w.Stop, w.State, damaged = err, task.Go, task.Pending, damaged || err != nil
		}
	}
	if damaged {
		work.Changes = slices.DeleteFunc(slices.Clone(b.Changes), func(w store.Change) bool { return w.Err != nil })
	}
	return work, nil
}

// answer copies the answers of the changes that were not damaged.
func (b *commit) answer(work *store.Batch) {
	next := 0
	for i := range b.Changes {
		if b.Changes[i].Err == nil {
			b.Changes[i] = work.Changes[next]
			next++
		}
	}
}

// tell hints at a plan: back means that another worker has to look at it, changed that something
// has happened, step that it is at rest or needs an engine.
func (s *Store) tell(tx *tx, id plan.ID, back, changed, step bool) {
	if back || changed {
		tx.then(func() { s.hints.Give(store.Hint{Plan: id, OnlyEvents: !back && !step}) })
	}
}

// Apply implements store.Writer.
func (s *Store) Apply(ctx context.Context, c store.Command) (a store.Applied, err error) {
	if err := c.Check(); err != nil {
		return store.Applied{}, err
	}
	var done store.Applied
	if err := s.writer.write(ctx, func(tx *tx) (err error) { done, err = s.apply(tx, &c); return err }); err != nil {
		return store.Applied{}, err
	}
	return done, nil
}

func (s *Store) apply(tx *tx, c *store.Command) (store.Applied, error) {
	p, err := tx.plan(c.Plan.ID)
	if err != nil {
		return store.Applied{}, err
	}
	r, now := tx.rows(p), s.now()
	stored := p.TaskCount + p.Marks.Appended
	done, err := rules.Apply(&p.Plan, r, c, rules.Moment{Now: now, Newest: s.tokens.newest})
	switch {
	case r.err != nil:
		return store.Applied{}, r.err
	case err != nil:
		tx.used = nil // the rules have changed nothing
		return store.Applied{}, err
	case done.Repeated:
		return store.Applied{Plan: p.snapshot(r, now), Repeated: true}, r.err
	}
	p.changed = time.Now().UnixMicro()
	if done.Dropped {
		if err := tx.exec("DELETE FROM task WHERE plan = ? AND ordinal BETWEEN ? AND ?", int64(p.ID), p.TaskCount+1, stored); err != nil {
			return store.Applied{}, err
		}
	}
	if err := tx.saveControl(p); err != nil {
		return store.Applied{}, err
	}
	if done.AtRest {
		r.rests = append(r.rests, p.LastEvent)
	}
	if err := r.flush(c.Events, now, s.cfg.MaxEvents); err != nil {
		return store.Applied{}, err
	}
	if err := s.tokens.raise(tx, done.Newest); err != nil {
		return store.Applied{}, err
	}
	a := store.Applied{Plan: p.snapshot(r, now)}
	if r.err != nil {
		return store.Applied{}, r.err
	}
	tx.then(func() { s.hints.Give(store.Hint{Plan: c.Plan.ID}) })
	return a, s.wake(tx, p.ID, true)
}
