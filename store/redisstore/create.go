package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// BeginCreate implements store.Creator. It writes the plan's record before the idempotency key
// names it; a key whose plan does not exist counts as free. Whichever answer is lost, a creation
// that was begun is either named by the key and continued, or not named and later removed.
func (s *Store) BeginCreate(ctx context.Context, c store.Create) (store.Creation, error) {
	if err := c.Check(); err != nil {
		return store.Creation{}, err
	}
	key := c.Plan.IdempotencyKey
	if key != "" { // in most cases the key names a plan, and no new id is needed
		if existing, err := s.created(ctx, &c); existing.ID != 0 || err != nil {
			return existing, err
		}
	}
	begun, err := s.begin(ctx, &c)
	if err != nil || key == "" {
		return begun, err
	}
	for {
		taken, err := s.creationKeys.reserve(ctx, key, begun.ID)
		if err != nil || taken {
			return begun, err
		}
		existing, err := s.created(ctx, &c)
		if existing.ID != 0 || err != nil {
			return existing, errors.Join(err, s.abandon(ctx, begun.ID))
		}
	}
}

// begin makes the record of a new plan under creation, and adds the plan to the list of plans.
func (s *Store) begin(ctx context.Context, c *store.Create) (store.Creation, error) {
	created := c.Plan
	created.CreatedBy = c.Actor
	text, err := json.Marshal(planrecord.SpecOf(&created))
	if err != nil {
		return store.Creation{}, fmt.Errorf("redisstore: %w", err)
	}
	for jump := int64(1); ; jump = min(2*jump, int64(task.MaxPlanID)) {
		id, err := s.tokens.newID(ctx, jump)
		if err != nil {
			return store.Creation{}, err
		}
		k := s.keys.plan(id)
		argv := append(s.client.scripts.begin.argv(nil, k), text, c.Mark, c.Hash, c.Actor,
			c.Plan.TaskCount, c.TTL.Microseconds(), c.Plan.IdempotencyKey, formatWaves(c.Plan.Waves))
		_, err = s.client.run(ctx, s.client.scripts.begin, k, true, argv)
		if errors.Is(err, store.ErrConflict) {
			continue // the counter was lost, and a plan with this id exists
		}
		if err == nil {
			err = s.agenda.expect(ctx, id, c.TTL)
		}
		if err == nil {
			err = s.list(ctx, id)
		}
		return store.Creation{ID: id, Mark: c.Mark}, err
	}
}

// list adds a plan to the list of all plans. By then the plan has its record and its agenda entry,
// so the removal of the plan also removes it from the list.
func (s *Store) list(ctx context.Context, id plan.ID) error {
	k, n := s.keys.plans(), int64(id)
	err := askErr(ctx, s.client, k, func(ctx context.Context) error {
		return s.client.rdb.ZAdd(ctx, k, redis.Z{Score: float64(n), Member: n}).Err()
	})
	return s.client.fault(ctx, k, err)
}

// created returns the creation or plan that the idempotency key names; the zero Creation if it
// names none.
func (s *Store) created(ctx context.Context, c *store.Create) (store.Creation, error) {
	key := c.Plan.IdempotencyKey
	id, err := s.creationKeys.holder(ctx, key)
	if err != nil || id == 0 {
		return store.Creation{}, err
	}
	r, err := s.creation(ctx, id, "stage", "hash", "mark")
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return store.Creation{}, err
	}
	if s.client.cfg.Replicas > 0 && r[0] != nil && r[0] != "leaving" {
		// The key was perhaps written by a call that stopped waiting for the replicas.
		if _, err := s.creationKeys.reserve(ctx, key, id); err != nil {
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
	// The plan is gone or being removed; its key is freed.
	return store.Creation{}, s.creationKeys.free(ctx, key, id)
}

// goOn renews the time to live of a creation that its creator continues. It returns the zero
// Creation if the removal of the creation has just begun.
func (s *Store) goOn(ctx context.Context, c store.Creation) (store.Creation, error) {
	err := s.AddTenants(ctx, c, 1, nil)
	if errors.Is(err, store.ErrNotFound) {
		return store.Creation{}, nil
	}
	return c, err
}

// creation reads fields that a plan's record has from the beginning, the stage first. If the plan
// does not exist, it returns store.ErrNotFound and fields that are nil.
func (s *Store) creation(ctx context.Context, id plan.ID, names ...string) ([]any, error) {
	k := s.keys.plan(id)
	values, err := ask(ctx, s.client, k, func(ctx context.Context) ([]any, error) { return s.client.rdb.HMGet(ctx, k, names...).Result() })
	if err != nil {
		return nil, s.client.fault(ctx, k, err)
	}
	if values[0] == nil {
		_, err := s.Plan(ctx, id) // distinguishes a missing plan from a lost record
		return values, cmp.Or(err, store.ErrNotFound)
	}
	for i, v := range values {
		if v == nil && (names[i] != "actor" || values[0] == "creating") { // the actor is removed when the creation ends
			return nil, &store.CorruptError{Key: k, Reason: names[i] + " is missing"}
		}
	}
	return values, nil
}

// abandon removes a creation that BeginCreate has begun but does not return.
func (s *Store) abandon(ctx context.Context, id plan.ID) error {
	k := s.keys.plan(id)
	err := askErr(ctx, s.client, k, func(ctx context.Context) error { return s.client.rdb.HSet(ctx, k, "stage", "leaving").Err() })
	if err != nil {
		return s.client.fault(ctx, k, err)
	}
	_, err = s.Remove(ctx, id)
	return err
}

// FinishCreate implements store.Creator.
func (s *Store) FinishCreate(ctx context.Context, c store.Creation) error {
	k := s.keys.plan(c.ID)
	text, err := s.creation(ctx, c.ID, "stage", "spec", "mark", "actor", "waves", "tallies")
	if err != nil {
		return err
	}
	mine, _ := text[1].(string)
	if mine == "" || text[2] != c.Mark {
		return store.ErrNotFound
	}
	p := plan.Plan{ID: c.ID}
	var sp planrecord.Spec
	err = json.Unmarshal([]byte(mine), &sp)
	if err == nil {
		err = sp.Fill(&p)
	}
	if err == nil {
		waves, _ := text[4].(string)
		tallies, _ := text[5].(string)
		err = fillWaves(&p, waves, tallies, plan.WaveCounters{})
	}
	if err != nil {
		return &store.CorruptError{Key: k, Reason: err.Error()}
	}
	actor, _ := text[3].(string)
	event := appendEvent(nil, &plan.Event{Cause: plan.ByCreate.String(), To: plan.Created.String(), Actor: actor})
	ctl, err := json.Marshal(planrecord.ControlOf(&p.Control))
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	if err := s.agenda.wake(ctx, c.ID, writeHold, false); err != nil {
		return err
	}
	argv := s.client.scripts.finish.argv(nil, k)
	if _, err = s.client.run(ctx, s.client.scripts.finish, k, true, append(argv, c.Mark, ctl, formatRules(&p), event)); err != nil {
		return err
	}
	return s.agenda.wake(ctx, c.ID, 0, true)
}
