package pgstore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

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
	spec            string
	created         int64
}

// creation locks the plan that a condition names until the end of the transaction; the id is 0 if
// there is none.
func (t *tx) creation(where string, value any) (k creation, err error) {
	var ttl int64
	t.one(nil, []any{&k.id, &k.stage, &k.mark, &k.hash, &ttl, &k.tenants, &k.stored, &k.spec, &k.created},
		"SELECT id, stage, mark, hash, ttl, tenants, stored, spec, created FROM @.plan WHERE "+where+" FOR NO KEY UPDATE", value)
	err = t.flush()
	k.mark, k.hash, k.ttl = decoded(k.mark), decoded(k.hash), time.Duration(ttl)*time.Microsecond
	return k, err
}

// BeginCreate implements store.Creator.
func (s *Store) BeginCreate(ctx context.Context, c store.Create) (k store.Creation, err error) {
	if err := ctx.Err(); err != nil {
		return store.Creation{}, err
	}
	if err := c.Check(); err != nil {
		return store.Creation{}, err
	}
	err = s.write(ctx, func(t *tx) (err error) { k, err = t.beginCreate(&c); return err })
	if err != nil {
		return store.Creation{}, err
	}
	return k, nil
}

// beginCreate writes a new plan, which nobody can read before it is finished, or answers for the
// one that has the key.
func (t *tx) beginCreate(c *store.Create) (store.Creation, error) {
	for {
		id, err := t.insertPlan(c)
		if err != nil || id != 0 {
			return store.Creation{ID: id, Mark: c.Mark}, err
		}
		old, err := t.creation("key = $1", encoded(c.Plan.IdempotencyKey))
		switch {
		case err != nil:
			return store.Creation{}, err
		case old.id == 0: // it was removed just now
		case old.stage == complete && old.hash != c.Hash:
			return store.Creation{}, store.ErrKeyReused
		case old.stage == complete:
			return store.Creation{ID: old.id, Exists: true}, nil
		case old.mark != c.Mark || old.hash != c.Hash:
			return store.Creation{}, store.ErrCreating
		default: // a repeat after a lost answer
			t.expect(old.id, old.ttl)
			return store.Creation{ID: old.id, Mark: old.mark}, nil
		}
	}
}

// insertPlan returns 0 if another plan has the key.
func (t *tx) insertPlan(c *store.Create) (plan.ID, error) {
	var now, number int64
	t.one(nil, []any{&now}, "SELECT "+clock)
	if err := t.flush(); err != nil {
		return 0, err
	}
	p := rules.New(0, c, t.s.stamp(now))
	spec, err := json.Marshal(planrecord.SpecOf(&p.Plan))
	if err != nil {
		return 0, fmt.Errorf("pgstore: %w", err)
	}
	var key *string
	if p.IdempotencyKey != "" {
		key = new(encoded(p.IdempotencyKey))
	}
	t.one(nil, []any{&number}, `INSERT INTO @.plan (id, stage, key, mark, hash, ttl, tenants, stored, created, spec)
		VALUES (nextval('@.plan_id'), 0, $1, $2, $3, $4, $5, 0, $6, $7) ON CONFLICT (key) WHERE key IS NOT NULL DO NOTHING RETURNING id`,
		key, encoded(c.Mark), encoded(c.Hash), c.TTL.Microseconds(), p.TaskCount, instant.MicrosOf(t.s.stamp(now)), string(spec))
	if err := t.flush(); err != nil || number == 0 {
		return 0, err
	}
	p.ID = plan.ID(number)
	if !p.ID.Valid() {
		return 0, fmt.Errorf("pgstore: schema %s has no number left for a plan", t.s.cfg.Schema)
	}
	t.saveWaves(&rollout{Plan: p})
	t.expect(p.ID, c.TTL)
	return p.ID, nil
}

// own returns the creation that c names, locked.
func (t *tx) own(c store.Creation) (creation, error) {
	k, err := t.creation("id = $1", int64(c.ID))
	if err == nil && (k.id == 0 || k.stage == leaving || k.mark != c.Mark) {
		err = store.ErrNotFound
	}
	return k, err
}

// AddTenants implements store.Creator.
func (s *Store) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error { return t.addToCreation(c, first, tenants) })
}

func (t *tx) addToCreation(c store.Creation, first int, tenants []task.Tenant) error {
	k, err := t.own(c)
	if err != nil {
		return err
	}
	if last := first + len(tenants) - 1; first < 1 || first > k.stored+1 || last > k.tenants {
		return fmt.Errorf("%w: tenants %d to %d for a plan that has %d of %d", store.ErrConflict, first, last, k.stored, k.tenants)
	}
	stored, err := t.addTenants(c.ID, first, k.stored, tenants)
	if err != nil {
		return err
	}
	if stored > k.stored {
		t.exec("UPDATE @.plan SET stored = $2 WHERE id = $1", int64(c.ID), stored)
	}
	if k.stage == creating {
		t.expect(c.ID, k.ttl)
	}
	return nil
}

// addTenants writes tenants that follow the ordinal stored, and compares the others with what is
// there. It returns the ordinal of the last that is stored now.
func (t *tx) addTenants(id plan.ID, first, stored int, tenants []task.Tenant) (int, error) {
	had := make(map[int]string)
	if known := min(stored, first+len(tenants)-1); first <= known {
		t.each(func(r pgx.Rows) error {
			var ordinal int
			var name string
			err := r.Scan(&ordinal, &name)
			had[ordinal] = decoded(name)
			return err
		}, "SELECT ordinal, tenant FROM @.task WHERE plan = $1 AND ordinal BETWEEN $2 AND $3", int64(id), first, known)
		if err := t.flush(); err != nil {
			return stored, err
		}
	}
	fresh := tenants
	for i := 0; i < len(tenants) && first+i <= stored; i++ {
		fresh = tenants[i+1:]
		if o := first + i; had[o] != tenants[i].ID {
			return stored, fmt.Errorf("%w: tenant %d is %q, not %q", store.ErrConflict, o, had[o], tenants[i].ID)
		}
	}
	return max(stored, first+len(tenants)-1), t.insertTasks(id, first+len(tenants)-len(fresh), fresh)
}

// FinishCreate implements store.Creator.
func (s *Store) FinishCreate(ctx context.Context, c store.Creation) error {
	return s.write(ctx, func(t *tx) error { return t.finishCreate(c) })
}

func (t *tx) finishCreate(c store.Creation) error {
	k, err := t.own(c)
	if err != nil || k.stage == complete {
		return err
	}
	if k.stored != k.tenants {
		return fmt.Errorf("%w: %d tenants of %d", store.ErrConflict, k.stored, k.tenants)
	}
	p := &rollout{s: t.s}
	p.ID = c.ID
	if err := t.s.fillSpec(&p.Plan.Plan, k.spec, k.created); err != nil {
		return err
	}
	t.queueWaves(p)
	t.one(nil, []any{&p.real}, "SELECT "+clock)
	if err := t.flush(); err != nil {
		return err
	}
	if err := p.waves(); err != nil {
		return err
	}
	p.now, p.changed = t.s.stamp(p.real), p.real
	event, done := rules.Finish(&p.Plan, p.now)
	t.exec("UPDATE @.plan SET stage = $2 WHERE id = $1", int64(c.ID), int16(complete))
	t.insertFacts(p)
	if err := t.saveControl(p); err != nil {
		return err
	}
	var rests []int64
	if done.AtRest {
		rests = []int64{p.LastEvent}
	}
	if err := newRows(p).flush(t, []ownEvent{event}, rests, 0); err != nil {
		return err
	}
	t.wake(c.ID, p.real)
	t.then(func() { t.s.hint(store.Hint{Plan: c.ID}) })
	return nil
}

// AppendTenants implements store.Creator.
func (s *Store) AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxTenants); err != nil {
		return err
	}
	return s.write(ctx, func(t *tx) error {
		p, err := t.load(id, true)
		if err != nil {
			return err
		}
		if err := p.CheckAppend(token, first, len(tenants)); err != nil {
			return err
		}
		stored, err := t.addTenants(id, first, p.TaskCount+p.Marks.Appended, tenants)
		if err != nil {
			return err
		}
		p.Marks.Appended = stored - p.TaskCount
		t.save(p)
		return nil
	})
}
