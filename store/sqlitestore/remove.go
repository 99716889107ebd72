package sqlitestore

import (
	"context"
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// removed is how many rows of a table one call of Remove deletes.
const removed = 1000

// Remove implements store.Creator.
func (s *Store) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	left := false
	err = s.writer.write(ctx, func(tx *tx) error {
		k, err := tx.creation("id = ?", int64(id))
		if err != nil || k.id == 0 {
			left = false // it is removed already
			return err
		}
		if k.stage != leaving {
			if err := s.hide(tx, &k); err != nil {
				return err
			}
		}
		if left, err = tx.removeSome(id); err != nil || left {
			return err
		}
		return s.forget(tx, id)
	})
	return left && err == nil, err
}

// hide makes a plan unreadable, or returns an error if it must not be removed. Should the process
// end before all of it is removed, an engine finds it on the agenda.
func (s *Store) hide(tx *tx, k *creation) error {
	if k.stage == creating && !s.agenda.Abandoned(k.id) {
		return fmt.Errorf("%w: plan %s is being created", store.ErrConflict, k.id)
	}
	if k.stage == complete {
		p, err := tx.plan(k.id)
		if err != nil {
			return err
		}
		if !p.Over() {
			return fmt.Errorf("%w: plan %s is %s, not over", store.ErrConflict, k.id, p.State)
		}
	}
	delete(tx.w.plans, k.id)
	tx.then(func() { s.agenda.Expect(k.id, 0) })
	return tx.exec("UPDATE plan SET stage = ?, key = NULL WHERE id = ?", int64(leaving), int64(k.id))
}

// removeSome releases and deletes some tasks of a plan or, if none is left, deletes some events. It
// reports whether there are more.
func (c *conn) removeSome(id plan.ID) (more bool, err error) {
	var first, last int64
	if _, err := c.one("SELECT min(ordinal), max(ordinal) FROM (SELECT ordinal FROM task WHERE plan = ? ORDER BY ordinal LIMIT ?)",
		[]any{int64(id), removed}, func(r row) { first, last = r.ColumnInt64(0), r.ColumnInt64(1) }); err != nil {
		return false, err
	}
	if last > 0 {
		if err := c.exec(`DELETE FROM tenant_lock WHERE plan = ?1 AND tenant IN (SELECT tenant FROM task WHERE plan = ?1 AND ordinal BETWEEN ?2 AND ?3)`,
			int64(id), first, last); err != nil {
			return false, err
		}
		return true, c.exec("DELETE FROM task WHERE plan = ? AND ordinal BETWEEN ? AND ?", int64(id), first, last)
	}
	for _, table := range [][2]string{{"event", "seq"}, {"release", "released"}, {"claim", "number"}, {"recent", "number"}} {
		before := c.TotalChanges()
		sql := fmt.Sprintf("DELETE FROM %[1]s WHERE plan = ?1 AND %[2]s IN (SELECT %[2]s FROM %[1]s WHERE plan = ?1 LIMIT ?2)", table[0], table[1])
		if err := c.exec(sql, int64(id), removed); err != nil {
			return false, err
		}
		if c.TotalChanges() > before {
			return true, nil
		}
	}
	return false, nil
}

// forget deletes what is left of a plan: a bounded number of rows.
func (s *Store) forget(tx *tx, id plan.ID) error {
	for _, table := range []string{"control", "facts", "wave", "failure_group", "command", "queue", "cursor"} {
		if err := tx.exec("DELETE FROM "+table+" WHERE plan = ?", int64(id)); err != nil {
			return err
		}
	}
	tx.then(func() { s.agenda.Drop(id) })
	return tx.exec("DELETE FROM plan WHERE id = ?", int64(id))
}
