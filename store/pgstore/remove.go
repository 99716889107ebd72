package pgstore

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// removed is how many rows of a table one call of Remove deletes.
const removed = 1000

// Remove implements store.Creator.
func (s *Store) Remove(ctx context.Context, id plan.ID) (more bool, err error) {
	err = s.write(ctx, func(t *tx) (err error) { more, err = t.remove(id); return err })
	return more && err == nil, err
}

func (t *tx) remove(id plan.ID) (more bool, err error) {
	// Whoever changes a plan that everybody can read locks its facts first.
	t.exec("SELECT 1 FROM @.facts WHERE plan = $1 FOR NO KEY UPDATE", int64(id))
	k, err := t.creation("id = $1", int64(id))
	if err != nil || k.id == 0 {
		return false, err // it is removed already
	}
	if k.stage != leaving {
		if err := t.hide(&k); err != nil {
			return false, err
		}
	}
	if more, err = t.removeSome(id); err != nil || more {
		return more, err
	}
	for _, table := range []string{"control", "facts", "wave", "failure_group", "command", "queue", "cursor", "agenda"} {
		t.exec("DELETE FROM @."+table+" WHERE plan = $1", int64(id))
	}
	t.exec("DELETE FROM @.plan WHERE id = $1", int64(id))
	t.then(func() { t.s.cached.drop(id); t.s.kept.take(id) })
	return false, nil
}

// hide makes a plan unreadable, or returns an error if it must not be removed. Should the process
// end before all of it is removed, an engine finds it on the agenda.
func (t *tx) hide(k *creation) error {
	if k.stage == creating {
		var abandoned bool
		t.one(nil, []any{&abandoned}, "SELECT creating AND coalesce(due, 0) <= "+clock+" FROM @.agenda WHERE plan = $1 FOR UPDATE", int64(k.id))
		if err := t.flush(); err != nil {
			return err
		}
		if !abandoned {
			return fmt.Errorf("%w: plan %s is being created", store.ErrConflict, k.id)
		}
	}
	if k.stage == complete {
		p, err := t.load(k.id, true)
		if err != nil {
			return err
		}
		if !p.Over() {
			return fmt.Errorf("%w: plan %s is %s, not over", store.ErrConflict, k.id, p.State)
		}
	}
	t.expect(k.id, 0)
	t.exec("UPDATE @.facts SET revision = $2 WHERE plan = $1", int64(k.id), rand.Int64())
	t.exec("UPDATE @.plan SET stage = $2, key = NULL WHERE id = $1", int64(k.id), int16(leaving))
	return nil
}

// removeSome releases and deletes some tasks of a plan or, if none is left, deletes some events. It
// reports whether there are more.
func (t *tx) removeSome(id plan.ID) (more bool, err error) {
	var first, last *int64
	t.one(nil, []any{&first, &last}, "SELECT min(ordinal), max(ordinal) FROM (SELECT ordinal FROM @.task WHERE plan = $1 ORDER BY ordinal LIMIT $2) AS t", int64(id), removed)
	if err := t.flush(); err != nil {
		return false, err
	}
	if last != nil {
		t.exec(`DELETE FROM @.tenant_lock AS l USING (SELECT tenant FROM @.task WHERE plan = $1 AND ordinal BETWEEN $2 AND $3) AS t
			WHERE l.plan = $1 AND l.tenant = t.tenant`, int64(id), *first, *last)
		t.exec("DELETE FROM @.task WHERE plan = $1 AND ordinal BETWEEN $2 AND $3", int64(id), *first, *last)
		return true, nil
	}
	for _, table := range [][2]string{{"event", "seq"}, {"release", "released"}, {"claim", "number"}} {
		t.affected(func(n int64) { more = more || n > 0 }, fmt.Sprintf("DELETE FROM @.%[1]s WHERE plan = $1 AND %[2]s IN (SELECT %[2]s FROM @.%[1]s WHERE plan = $1 LIMIT $2)",
			table[0], table[1]), int64(id), removed)
	}
	return more, t.flush()
}
