package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// BeginCreate implements store.Creator. The record stands before the key names it: a
// key whose plan is not there belongs to nobody. Whichever answer is lost, what was
// begun is then either named by the key, and gone on with, or by nothing, and swept up.
func (s *Store) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	if err := c.Check(); err != nil {
		return store.Creation{}, err
	}
	key := c.Plan.IdempotencyKey
	if key != "" { // in most cases the answer is there without a new id
		if existing, err := s.created(ctx, &c); existing.ID != 0 || err != nil {
			return existing, err
		}
	}
	begun, err := s.begin(ctx, &c)
	if err != nil || key == "" {
		return begun, err
	}
	for {
		taken, err := s.reserveKey(ctx, key, begun.ID)
		if err != nil || taken {
			return begun, err
		}
		existing, err := s.created(ctx, &c)
		if existing.ID != 0 || err != nil {
			return existing, errors.Join(err, s.abandon(ctx, begun.ID))
		}
	}
}

// begin makes the record of a new plan under creation, and lists it.
func (s *Store) begin(ctx context.Context, c *store.Create) (store.Creation, error) {
	text, err := json.Marshal(specOf(&c.Plan))
	if err != nil {
		return store.Creation{}, fmt.Errorf("redisstore: %w", err)
	}
	for jump := int64(1); ; jump = min(2*jump, int64(task.MaxPlanID)) {
		id, err := s.newID(ctx, jump)
		if err != nil {
			return store.Creation{}, err
		}
		k := s.keys.plan(id)
		argv := append(s.scripts.begin.argv(nil, k), text, c.Mark, c.Hash, c.Actor,
			c.Plan.TaskCount, c.TTL.Microseconds(), c.Plan.IdempotencyKey)
		_, err = s.run(ctx, s.scripts.begin, k, true, argv)
		if errors.Is(err, store.ErrConflict) {
			continue // the counter was lost, and there is a plan of that id
		}
		if err == nil {
			err = s.expect(ctx, id, c.TTL)
		}
		if err == nil {
			err = s.list(ctx, id)
		}
		return store.Creation{ID: id, Mark: c.Mark}, err
	}
}

// list puts a plan into the list of all. It has its record and its place on the agenda
// by then, so that the entry goes with the plan.
func (s *Store) list(ctx context.Context, id plan.ID) error {
	k, n := s.keys.plans(), int64(id)
	err := askErr(ctx, s, k, func(ctx context.Context) error {
		return s.rdb.ZAdd(ctx, k, redis.Z{Score: float64(n), Member: n}).Err()
	})
	return s.fault(ctx, k, err)
}

// created answers a creation under a key that names a plan already; the zero
// Creation if it names none.
func (s *Store) created(ctx context.Context, c *store.Create) (store.Creation, error) {
	key := c.Plan.IdempotencyKey
	id, err := s.keyHolder(ctx, key)
	if err != nil || id == 0 {
		return store.Creation{}, err
	}
	r, err := s.creation(ctx, id, "stage", "hash", "mark")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Creation{}, err
	}
	if s.cfg.Replicas > 0 && r[0] != nil && r[0] != "leaving" {
		// It was perhaps written by a call that gave up waiting for the replicas.
		if _, err := s.reserveKey(ctx, key, id); err != nil {
			return store.Creation{}, err
		}
	}
	switch same := r[1] == c.Hash; {
	case r[0] == "creating" && same && r[2] == c.Mark:
		return s.goOn(ctx, store.Creation{ID: id, Mark: c.Mark})
	case r[0] == "creating":
		return store.Creation{}, store.ErrCreating
	case r[0] == "ready" && same:
		return store.Creation{ID: id, Exists: true}, nil
	case r[0] == "ready":
		return store.Creation{}, store.ErrKeyReused
	}
	// The plan is gone, or on its way, and its key with it.
	return store.Creation{}, s.freeKey(ctx, key, id)
}

// goOn gives a creation whose answer was lost its time to live again; the zero
// Creation if it was given up just now.
func (s *Store) goOn(ctx context.Context, c store.Creation) (store.Creation, error) {
	err := s.AddTenants(ctx, c, 1, nil)
	if errors.Is(err, store.ErrNotFound) {
		return store.Creation{}, nil
	}
	return c, err
}

// creation reads fields of a plan's record that it has from its beginning on, the stage
// first. store.ErrNotFound, beside fields that are nil, if the plan is not there.
func (s *Store) creation(ctx context.Context, id plan.ID, names ...string) ([]any, error) {
	k := s.keys.plan(id)
	values, err := ask(ctx, s, k, func(ctx context.Context) ([]any, error) { return s.rdb.HMGet(ctx, k, names...).Result() })
	if err != nil {
		return nil, s.fault(ctx, k, err)
	}
	if values[0] == nil {
		_, err := s.Plan(ctx, id) // tells a plan that is not there from one whose record was lost
		return values, cmp.Or(err, store.ErrNotFound)
	}
	for i, v := range values {
		if v == nil && (names[i] != "actor" || values[0] == "creating") { // the actor goes with the creation's end
			return nil, &store.CorruptError{Key: k, Reason: names[i] + " is missing"}
		}
	}
	return values, nil
}

// keyHolder returns the plan that an idempotency key names, 0 if none.
func (s *Store) keyHolder(ctx context.Context, key string) (plan.ID, error) {
	k := s.keys.key(key)
	n, err := ask(ctx, s, k, func(ctx context.Context) (int64, error) { return s.rdb.Get(ctx, k).Int64() })
	switch {
	case errors.Is(err, redis.Nil):
		return 0, nil
	case err != nil:
		return 0, s.fault(ctx, k, err)
	case !plan.ID(n).Valid():
		return 0, &store.CorruptError{Key: k, Reason: fmt.Sprintf("%d is no plan id", n)}
	}
	return plan.ID(n), nil
}

// reserveKey makes a key name a plan if it names none.
func (s *Store) reserveKey(ctx context.Context, key string, id plan.ID) (bool, error) {
	k := s.keys.key(key)
	if s.cfg.Replicas > 0 {
		had, err := s.reserveOne(ctx, k, id.String())
		return had == "" || had == id.String(), err
	}
	taken, err := ask(ctx, s, k, func(ctx context.Context) (bool, error) { return s.rdb.SetNX(ctx, k, id.String(), 0).Result() })
	if err != nil {
		return false, s.fault(ctx, k, err)
	}
	if !taken { // perhaps by ourselves, when an answer was lost
		holder, err := s.keyHolder(ctx, key)
		return holder == id, err
	}
	return true, nil
}

// freeKey deletes a key if it names that plan.
func (s *Store) freeKey(ctx context.Context, key string, id plan.ID) error {
	if key == "" {
		return nil
	}
	_, err := s.swap(ctx, swap{key: s.keys.key(key), old: id.String()})
	return err
}

// abandon removes a creation that was begun in vain.
func (s *Store) abandon(ctx context.Context, id plan.ID) error {
	k := s.keys.plan(id)
	err := askErr(ctx, s, k, func(ctx context.Context) error { return s.rdb.HSet(ctx, k, "stage", "leaving").Err() })
	if err != nil {
		return s.fault(ctx, k, err)
	}
	_, err = s.Remove(ctx, id)
	return err
}

// AddTenants implements store.Creator.
func (s *Store) AddTenants(ctx context.Context, c store.Creation, first int, tenants []task.Tenant) error {
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil {
		return err
	}
	k := s.keys.plan(c.ID)
	argv := make([]any, 0, 8+len(tenants))
	argv = s.scripts.tenants.argv(argv, k)
	argv = append(argv, c.Mark, first, len(tenants))
	more := 0
	for i := range tenants {
		mark := "0"
		if len(tenants[i].Labels)+len(tenants[i].Parameters) > 0 {
			mark = "1"
			more++
		}
		argv = append(argv, mark+tenants[i].ID)
	}
	argv = append(argv, more)
	for i := range tenants {
		if t := &tenants[i]; len(t.Labels)+len(t.Parameters) > 0 {
			text, err := json.Marshal(extras{t.Labels, t.Parameters})
			if err != nil {
				return fmt.Errorf("redisstore: %w", err)
			}
			argv = append(argv, first+i, text)
		}
	}
	_, err := s.run(ctx, s.scripts.tenants, k, false, argv)
	return err
}

// extras is the stored form of a tenant's labels and parameters.
type extras struct {
	Labels     map[string]string `json:"labels,omitempty"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// FinishCreate implements store.Creator.
func (s *Store) FinishCreate(ctx context.Context, c store.Creation) error {
	k := s.keys.plan(c.ID)
	text, err := s.creation(ctx, c.ID, "stage", "spec", "mark", "actor")
	if err != nil {
		return err
	}
	mine, _ := text[1].(string)
	if mine == "" || text[2] != c.Mark {
		return store.ErrNotFound
	}
	p := plan.Plan{ID: c.ID}
	var sp spec
	if err := json.Unmarshal([]byte(mine), &sp); err != nil {
		return &store.CorruptError{Key: k, Reason: err.Error()}
	}
	if err := sp.fill(&p); err != nil {
		return &store.CorruptError{Key: k, Reason: err.Error()}
	}
	actor, _ := text[3].(string)
	event := appendEvent(nil, &plan.Event{Cause: plan.ByCreate.String(), To: plan.Created.String(), Actor: actor})
	ctl, err := json.Marshal(controlOf(&p.Control))
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	if err := s.wake(ctx, c.ID, writeHold, false); err != nil {
		return err
	}
	argv := s.scripts.finish.argv(nil, k)
	if _, err = s.run(ctx, s.scripts.finish, k, true, append(argv, c.Mark, ctl, formatRules(&p), event)); err != nil {
		return err
	}
	return s.wake(ctx, c.ID, 0, true)
}

// writeHold is how long a command that is being written may take: until then the
// plan is not let rest for longer.
const writeHold = 5 * time.Second
