package pgstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/rules"
)

func checkLease(incarnation string, ttl time.Duration) error {
	if incarnation == "" || ttl <= 0 {
		return fmt.Errorf("%w: a lease needs a name and a time to live", store.ErrInvalid)
	}
	return nil
}

// endOver deletes the leases that are over, so that they stay over whatever the server's clock does
// next.
func (t *tx) endOver() { t.exec("DELETE FROM @.lease WHERE until <= " + clock) }

// Join implements store.Leaser.
func (s *Store) Join(ctx context.Context, incarnation string, ttl time.Duration, p store.Process) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	if err := checkLease(incarnation, ttl); err != nil {
		return err
	}
	executors, err := json.Marshal(p.Executors)
	if err != nil {
		return fmt.Errorf("%w: %w", store.ErrInvalid, err)
	}
	return s.auto(ctx, func(t *tx) {
		t.endOver()
		t.exec(`INSERT INTO @.lease (incarnation, until, joined, capacity, held, executors, plans)
			VALUES ($1, `+clock+` + $2, `+clock+`, $3, 0, $4, '{}') ON CONFLICT (incarnation) DO UPDATE SET until = excluded.until, joined = excluded.joined,
			capacity = excluded.capacity, held = 0, executors = excluded.executors, plans = excluded.plans`,
			encoded(incarnation), ttl.Microseconds(), p.Capacity, string(executors))
	})
}

// Heartbeat implements store.Leaser.
func (s *Store) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	if err := checkLease(incarnation, ttl); err != nil {
		return nil, err
	}
	var renewed int64
	if err := s.auto(ctx, func(t *tx) {
		t.affected(func(n int64) { renewed = n }, "UPDATE @.lease SET until = "+clock+" + $2 WHERE incarnation = $1 AND until > "+clock,
			encoded(incarnation), ttl.Microseconds())
		t.endOver()
	}); err != nil {
		return nil, err
	}
	if renewed == 0 {
		return nil, store.ErrLeaseExpired
	}
	h := &store.HeartbeatError{Faults: make(map[plan.ID]error)}
	var held []store.Holding
	for _, id := range plans {
		more, err := s.holdings(ctx, id, &incarnation, false, -1)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil && !errors.Is(err, store.ErrNotFound):
			h.Faults[id] = err
		}
		held = append(held, more...)
	}
	if len(h.Faults) > 0 {
		return held, h
	}
	return held, nil
}

// Leave implements store.Leaser.
func (s *Store) Leave(ctx context.Context, incarnation string) error {
	return s.auto(ctx, func(t *tx) { t.exec("DELETE FROM @.lease WHERE incarnation = $1", encoded(incarnation)) })
}

// Orphans implements store.Leaser.
func (s *Store) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	if err := s.auto(ctx, func(t *tx) { t.endOver() }); err != nil {
		return nil, err
	}
	return s.holdings(ctx, id, nil, true, store.MaxBatch)
}

// holdings returns tasks of a plan that workers hold, in ascending order: those of one worker, or
// those of workers without a lease; at most limit of them, or all if it is negative.
func (s *Store) holdings(ctx context.Context, id plan.ID, worker *string, orphans bool, limit int) (held []store.Holding, err error) {
	which, args := "", []any{int64(id)}
	if worker != nil {
		which, args = "AND c.worker = $2", append(args, encoded(*worker))
	}
	if orphans {
		which = "AND NOT EXISTS (SELECT 1 FROM @.lease AS l WHERE l.incarnation = c.worker)"
	}
	if limit >= 0 {
		which += fmt.Sprintf(" ORDER BY h LIMIT %d", limit)
	}
	err = s.read(ctx, func(t *tx) error {
		p := t.queuePlan(id, false)
		var owners []string
		var ordinals []int32
		t.each(func(r pgx.Rows) error {
			var owner string
			var ordinal int32
			err := r.Scan(&ordinal, &owner)
			owners, ordinals = append(owners, decoded(owner)), append(ordinals, ordinal)
			return err
		}, "SELECT h, c.worker FROM @.claim AS c, unnest(c.held) AS h WHERE c.plan = $1 AND c.ended = 0 "+which, args...)
		if err := t.flush(); err != nil {
			return err
		}
		if err := p.parse(); err != nil || len(ordinals) == 0 {
			return err
		}
		tasks, err := t.tasksAt(p, ordinals)
		if err != nil {
			return err
		}
		for i, o := range ordinals {
			found := tasks[o]
			if found == nil {
				return s.damaged(id, uint32(o), "the row is missing")
			}
			held = append(held, p.Holding(uint32(o), found, owners[i]))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return held, nil
}

// tasksAt reads tasks by ordinal; the first that is damaged ends it.
func (t *tx) tasksAt(p *rollout, ordinals []int32) (map[int32]*rules.Task, error) {
	tasks := make(map[int32]*rules.Task, len(ordinals))
	t.each(func(from pgx.Rows) error {
		var row taskRow
		if err := row.scan(from); err != nil {
			return err
		}
		found := &rules.Task{}
		if err := row.fill(found); err != nil {
			return t.s.damaged(p.ID, uint32(row.ordinal), err.Error())
		}
		tasks[row.ordinal] = found
		return nil
	}, "SELECT "+taskColumns+" FROM @.task AS t WHERE t.plan = $1 AND t.ordinal = ANY ($2::int[])", int64(p.ID), ordinals)
	return tasks, t.flush()
}
