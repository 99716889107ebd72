package redisstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// heldPart is how many entries of the index of held tasks are read at once.
const heldPart = 500

// Join implements store.Leaser.
func (s *Store) Join(ctx context.Context, incarnation string, ttl time.Duration) error {
	if err := checkLease(incarnation, ttl); err != nil {
		return err
	}
	if err := s.mayClaim(); err != nil {
		return err
	}
	key := s.keys.lease(incarnation)
	return s.fault(ctx, key, askErr(ctx, s, key, func(ctx context.Context) error { return s.rdb.Set(ctx, key, 1, ttl).Err() }))
}

// heartbeatShare is the share of a lease's time that a server may take to answer a
// heartbeat, and then the question for a sign of life: so that those which do not leave the
// time to renew the lease.
const heartbeatShare = 8

// Heartbeat implements store.Leaser. A server of a cluster that does not answer costs what
// is held in its own plans, and time for one or two answers at most; that of the lease's
// own record costs the lease, unless another takes its place in time.
func (s *Store) Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]store.Holding, error) {
	if err := store.CheckCount("plans", len(plans), store.MaxBatch); err != nil {
		return nil, err
	}
	if err := checkLease(incarnation, ttl); err != nil {
		return nil, err
	}
	key := s.keys.lease(incarnation)
	alive, err := ask(ctx, s, key, func(ctx context.Context) (bool, error) { return s.rdb.PExpire(ctx, key, ttl).Result() })
	if err != nil {
		return nil, s.fault(ctx, key, err)
	}
	if !alive {
		return nil, store.ErrLeaseExpired
	}
	d := patience
	if s.cluster {
		d = min(d, ttl/heartbeatShare)
	}
	held, faults, err := s.holdings(ctx, d, plans, incarnation)
	if err == nil && len(faults) > 0 {
		err = &store.HeartbeatError{Faults: faults}
	}
	return held, err
}

func checkLease(incarnation string, ttl time.Duration) error {
	if incarnation == "" || ttl < time.Millisecond {
		return fmt.Errorf("%w: a lease needs a name and a time to live of at least a millisecond", store.ErrInvalid)
	}
	return nil
}

// Leave implements store.Leaser.
func (s *Store) Leave(ctx context.Context, incarnation string) error {
	key := s.keys.lease(incarnation)
	return s.fault(ctx, key, askErr(ctx, s, key, func(ctx context.Context) error { return s.rdb.Del(ctx, key).Err() }))
}

// Orphans implements store.Leaser. It is read first what workers hold and then who
// lives: who held a task and has no lease afterwards never gets one again.
func (s *Store) Orphans(ctx context.Context, id plan.ID) ([]store.Holding, error) {
	held, faults, err := s.holdings(ctx, patience, []plan.ID{id}, "")
	if err == nil {
		err = faults[id]
	}
	if err != nil || len(held) == 0 {
		if err == nil { // an empty answer does not tell whether there is such a plan
			_, err = s.Plan(ctx, id)
		}
		return nil, err
	}
	dead, err := s.dead(ctx, held)
	var orphans []store.Holding
	for _, h := range held {
		if dead[h.Worker] && len(orphans) < store.MaxBatch {
			orphans = append(orphans, h)
		}
	}
	if len(orphans) > 0 {
		err = nil // the others have their turn when these are seen to
	}
	return orphans, err
}

// dead tells which of the workers have no lease. Those of whom it cannot be known now count
// as living, and are named by an error beside the others.
func (s *Store) dead(ctx context.Context, held []store.Holding) (map[string]bool, error) {
	var workers, keys []string
	asked := make(map[string]struct{})
	for _, h := range held {
		if _, again := asked[h.Worker]; !again {
			asked[h.Worker] = struct{}{}
			workers, keys = append(workers, h.Worker), append(keys, s.keys.lease(h.Worker))
		}
	}
	exist := each(ctx, s, patience, keys, func(pipe redis.Pipeliner, i int) func() (int64, error) {
		return pipe.Exists(ctx, keys[i]).Result
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dead := make(map[string]bool)
	var unknown error
	for i, worker := range workers {
		if err := exist[i].err; err != nil {
			unknown = errors.Join(unknown, s.fault(ctx, keys[i], err))
		} else if exist[i].value == 0 {
			dead[worker] = true
		}
	}
	return dead, unknown
}

// holdings returns what a worker, or every worker if it is empty, holds in plans.
// Plans that are not there hold nothing; faults has those that cannot be read, which may be
// all: the error is that of ctx. d is as in spread.
func (s *Store) holdings(ctx context.Context, d time.Duration, plans []plan.ID, worker string) (held []store.Holding, faults map[plan.ID]error, err error) {
	calls := make([]pipelined, len(plans))
	for i, id := range plans {
		calls[i] = s.heldCall(id, "0", worker)
	}
	faults = make(map[plan.ID]error)
	repaired := make(map[plan.ID]bool)
	for len(calls) > 0 {
		// A worker may have tasks on one server alone. If that does not answer, its lease lives
		// on all the same where it is kept.
		if _ = s.pipeline(ctx, d, calls); ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		var further []pipelined
		for i := range calls {
			c := &calls[i]
			if c.gone() {
				continue
			}
			cursor, complete, stale, err := c.readHeld(&held)
			if err == nil && !complete {
				held = slices.DeleteFunc(held, func(h store.Holding) bool { return h.Task.Plan() == c.id })
				cursor, err = "0", s.repairOnce(ctx, d, c.id, repaired)
			}
			if err == nil && len(stale) > 0 {
				err = s.prune(ctx, d, c.id, stale)
			}
			switch {
			case ctx.Err() != nil:
				return nil, nil, ctx.Err()
			case err != nil:
				faults[c.id] = err
			case !complete || cursor != "0":
				further = append(further, s.heldCall(c.id, cursor, worker))
			}
		}
		calls = further
	}
	held = slices.DeleteFunc(held, func(h store.Holding) bool { return faults[h.Task.Plan()] != nil })
	return unique(held), faults, nil
}

// readHeld appends what an answer of held.lua says to held. The index is not complete
// if it has to be rebuilt; stale are entries that it should not have.
func (p *pipelined) readHeld(held *[]store.Holding) (cursor string, complete bool, stale []any, err error) {
	if p.err != nil {
		return "", false, nil, p.err
	}
	r := reader{key: p.key, rest: p.answer[1:]}
	cursor, complete = r.until('|'), r.until('|') == "1"
	for n := r.number('|'); n > 0 && r.more(); n-- {
		stale = append(stale, strings.Clone(r.sized()))
	}
	for r.more() {
		*held = append(*held, store.Holding{
			Task: task.NewID(p.id, int(r.number(';'))), Token: task.Token(r.number(';')),
			Stop: task.Stop(r.number(';')), Worker: strings.Clone(r.sized()),
		})
	}
	return cursor, complete, stale, r.err()
}

// prune takes entries out of a plan's index of held tasks that no task belongs to.
func (s *Store) prune(ctx context.Context, d time.Duration, id plan.ID, stale []any) error {
	key := s.keys.plan(id)
	_, err := s.runWithin(ctx, d, s.scripts.prune, key, false, append(s.scripts.prune.argv(nil, key), stale...))
	return err
}

// repairOnce rebuilds the indexes of a plan, unless that was done in vain.
func (s *Store) repairOnce(ctx context.Context, d time.Duration, id plan.ID, repaired map[plan.ID]bool) error {
	if repaired[id] {
		return &store.CorruptError{Key: s.keys.held(id), Reason: "fewer tasks are held, or wait for a worker, than are counted"}
	}
	repaired[id] = true
	return s.repair(ctx, d, id)
}

func (s *Store) heldCall(id plan.ID, cursor, worker string) pipelined {
	key := s.keys.plan(id)
	argv := append(s.scripts.held.argv(nil, key), cursor, worker, heldPart)
	return pipelined{id: id, key: key, script: s.scripts.held, argv: argv}
}

// unique removes tasks that a scan has shown twice; the later one is newer.
func unique(held []store.Holding) []store.Holding {
	last := make(map[task.ID]int, len(held))
	kept := held[:0]
	for _, h := range held {
		if i, twice := last[h.Task]; twice {
			kept[i] = h
			continue
		}
		last[h.Task] = len(kept)
		kept = append(kept, h)
	}
	return kept
}

// repair rebuilds the indexes of a plan from its tasks, in bounded steps.
func (s *Store) repair(ctx context.Context, d time.Duration, id plan.ID) error {
	key := s.keys.plan(id)
	for bucket := int64(0); bucket >= 0; {
		argv := append(s.scripts.repair.argv(nil, key), bucket, scanBuckets)
		answer, err := s.runWithin(ctx, d, s.scripts.repair, key, false, argv)
		if err != nil {
			return err
		}
		r := reader{key: key, rest: answer[1:] + ";"}
		bucket = r.number(';')
		if err := r.err(); err != nil {
			return err
		}
	}
	return nil
}
