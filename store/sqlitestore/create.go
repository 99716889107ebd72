package sqlitestore

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// creation is what the table plan has of a plan beside its content.
type creation struct {
	id              plan.ID
	stage           stage
	mark, hash      string
	ttl             time.Duration
	tenants, stored int
}

// creation reads the plan that a column names; the id is 0 if there is none.
func (c *conn) creation(where string, value any) (k creation, err error) {
	_, err = c.one("SELECT id, stage, mark, hash, ttl, tenants, stored FROM plan WHERE "+where, []any{value}, func(r row) {
		k = creation{
			id: plan.ID(r.ColumnInt64(0)), stage: stage(r.ColumnInt64(1)), mark: r.ColumnText(2), hash: r.ColumnText(3),
			ttl: time.Duration(r.ColumnInt64(4)) * time.Microsecond, tenants: r.ColumnInt(5), stored: r.ColumnInt(6),
		}
	})
	return k, err
}

// BeginCreate implements store.Creator.
func (s *Store) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	if err := ctx.Err(); err != nil {
		return store.Creation{}, err
	}
	if err := c.Check(); err != nil {
		return store.Creation{}, err
	}
	var k store.Creation
	err := s.writer.write(ctx, func(tx *tx) (err error) {
		if key := c.Plan.IdempotencyKey; key != "" {
			old, err := tx.creation("key = ?", key)
			if err != nil {
				return err
			}
			if old.id != 0 {
				k, err = s.created(tx, &old, &c)
				return err
			}
		}
		k, err = s.begin(tx, &c)
		return err
	})
	if err != nil {
		return store.Creation{}, err
	}
	return k, nil
}

// created answers a creation whose key another one has.
func (s *Store) created(tx *tx, old *creation, c *store.Create) (store.Creation, error) {
	switch {
	case old.stage == complete && old.hash != c.Hash:
		return store.Creation{}, store.ErrKeyReused
	case old.stage == complete:
		return store.Creation{ID: old.id, Exists: true}, nil
	case old.mark != c.Mark || old.hash != c.Hash:
		return store.Creation{}, store.ErrCreating
	}
	tx.then(func() { s.agenda.Expect(old.id, old.ttl) }) // a repeat after a lost answer
	return store.Creation{ID: old.id, Mark: old.mark}, nil
}

// begin writes a new plan, which nobody can read before FinishCreate.
func (s *Store) begin(tx *tx, c *store.Create) (store.Creation, error) {
	now := s.now()
	p := rules.New(0, c, now)
	spec, err := json.Marshal(planrecord.SpecOf(&p.Plan))
	if err != nil {
		return store.Creation{}, fmt.Errorf("sqlitestore: %w", err)
	}
	var key any
	if p.IdempotencyKey != "" {
		key = p.IdempotencyKey
	}
	if err := tx.exec("INSERT INTO plan (stage, key, mark, hash, ttl, tenants, stored, created, spec) VALUES (0, ?, ?, ?, ?, ?, 0, ?, ?)",
		key, c.Mark, c.Hash, c.TTL.Microseconds(), p.TaskCount, instant.MicrosOf(now), string(spec)); err != nil {
		return store.Creation{}, err
	}
	p.ID = plan.ID(tx.LastInsertRowID())
	if !p.ID.Valid() {
		return store.Creation{}, fmt.Errorf("sqlitestore: %s has no number left for a plan", tx.file)
	}
	if err := tx.saveWaves(&rollout{Plan: p}); err != nil {
		return store.Creation{}, err
	}
	tx.then(func() { s.agenda.Expect(p.ID, c.TTL) })
	return store.Creation{ID: p.ID, Mark: c.Mark}, nil
}

// own returns the creation that c names.
func (c *conn) own(k store.Creation) (creation, error) {
	own, err := c.creation("id = ?", int64(k.ID))
	if err == nil && (own.id == 0 || own.stage == leaving || own.mark != k.Mark) {
		err = store.ErrNotFound
	}
	return own, err
}

// AddTenants implements store.Creator.
func (s *Store) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	tenants = slices.Clone(tenants)
	return s.writer.write(ctx, func(tx *tx) error {
		k, err := tx.own(c)
		if err != nil {
			return err
		}
		if last := first + len(tenants) - 1; first < 1 || first > k.stored+1 || last > k.tenants {
			return fmt.Errorf("%w: tenants %d to %d for a plan that has %d of %d", store.ErrConflict, first, last, k.stored, k.tenants)
		}
		stored, err := tx.addTenants(c.ID, first, k.stored, tenants)
		if err != nil {
			return err
		}
		if stored > k.stored {
			err = tx.exec("UPDATE plan SET stored = ? WHERE id = ?", stored, int64(c.ID))
		}
		if k.stage == creating {
			tx.then(func() { s.agenda.Expect(c.ID, k.ttl) })
		}
		return err
	})
}

// addTenants writes tenants that follow the ordinal stored, and compares the others with what is
// there. It returns the ordinal of the last that is stored now.
func (c *conn) addTenants(id plan.ID, first, stored int, tenants []task.Tenant) (int, error) {
	for i := range tenants {
		o := first + i
		if o > stored {
			if err := c.insertTask(id, o, &tenants[i]); err != nil {
				return stored, err
			}
			continue
		}
		var had string
		if _, err := c.one("SELECT tenant FROM task WHERE plan = ? AND ordinal = ?", []any{int64(id), o}, func(r row) { had = r.ColumnText(0) }); err != nil {
			return stored, err
		}
		if had != tenants[i].ID {
			return stored, fmt.Errorf("%w: tenant %d is %q, not %q", store.ErrConflict, o, had, tenants[i].ID)
		}
	}
	return max(stored, first+len(tenants)-1), nil
}

// FinishCreate implements store.Creator.
func (s *Store) FinishCreate(ctx context.Context, c store.Creation) error {
	return s.writer.write(ctx, func(tx *tx) error {
		k, err := tx.own(c)
		if err != nil || k.stage == complete {
			return err
		}
		if k.stored != k.tenants {
			return fmt.Errorf("%w: %d tenants of %d", store.ErrConflict, k.stored, k.tenants)
		}
		p, err := tx.unfinished(c.ID)
		if err != nil {
			return err
		}
		now := s.now()
		p.changed = time.Now().UnixMicro()
		event, done := rules.Finish(&p.Plan, now)
		if err := tx.exec("UPDATE plan SET stage = ? WHERE id = ?", int64(complete), int64(c.ID)); err != nil {
			return err
		}
		if err := tx.saveControl(p); err != nil {
			return err
		}
		r := newRows(tx.conn, p)
		if done.AtRest {
			r.rests = append(r.rests, p.LastEvent)
		}
		if err := r.flush([]plan.Event{event}, now, 0); err != nil {
			return err
		}
		tx.then(func() { s.hints.Give(store.Hint{Plan: c.ID}) })
		return s.wake(tx, c.ID, true)
	})
}

// unfinished reads a plan that is being created.
func (c *conn) unfinished(id plan.ID) (*rollout, error) {
	p := &rollout{}
	p.ID = id
	var spec string
	var created int64
	if _, err := c.one("SELECT spec, created FROM plan WHERE id = ?", []any{int64(id)}, func(r row) {
		spec, created = r.ColumnText(0), r.ColumnInt64(1)
	}); err != nil {
		return nil, err
	}
	if err := c.fillSpec(&p.Plan.Plan, spec, created); err != nil {
		return nil, err
	}
	return p, c.loadWaves(p)
}

// AppendTenants implements store.Creator.
func (s *Store) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	tenants = slices.Clone(tenants)
	return s.writer.write(ctx, func(tx *tx) error {
		p, err := tx.plan(id)
		if err != nil {
			return err
		}
		if err := p.CheckAppend(token, first, len(tenants)); err != nil {
			return err
		}
		stored, err := tx.addTenants(id, first, p.TaskCount+p.Marks.Appended, tenants)
		if err != nil {
			return err
		}
		p.Marks.Appended = stored - p.TaskCount
		return tx.save(p)
	})
}
