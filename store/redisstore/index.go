package redisstore

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// scanBuckets is how many buckets of tasks one script scans.
const scanBuckets = 64

// heldPart is how many entries of the index of held tasks are read by one call.
const heldPart = 500

// indexes reads and repairs the indexes held, loose and later, which follow from the heads of
// tasks.
type indexes struct{ client *client }

// dead reports which of the workers have no lease. Workers whose lease cannot be read now count as
// alive, and the error names them.
func (ix *indexes) dead(ctx context.Context, held []store.Holding) (map[string]bool, error) {
	var workers, keys []string
	asked := make(map[string]struct{})
	for _, h := range held {
		if _, again := asked[h.Worker]; !again {
			asked[h.Worker] = struct{}{}
			workers, keys = append(workers, h.Worker), append(keys, ix.client.keys.lease(h.Worker))
		}
	}
	exist := each(ctx, ix.client, answerTimeout, keys, func(pipe redis.Pipeliner, i int) func() (int64, error) {
		return pipe.Exists(ctx, keys[i]).Result
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dead := make(map[string]bool)
	var unknown error
	for i, worker := range workers {
		if err := exist[i].err; err != nil {
			unknown = errors.Join(unknown, ix.client.fault(ctx, keys[i], err))
		} else if exist[i].value == 0 {
			dead[worker] = true
		}
	}
	return dead, unknown
}

// holdings returns what a worker holds in plans, or what all workers hold if worker is empty. In a
// plan that does not exist, no worker holds anything. faults names the plans that cannot be read,
// possibly all of them. err is nil or the error of ctx. d is as in spread.
func (ix *indexes) holdings(ctx context.Context, d time.Duration, plans []plan.ID, worker string) (held []store.Holding, faults map[plan.ID]error, err error) {
	calls := make([]pipelined, len(plans))
	for i, id := range plans {
		calls[i] = ix.heldCall(id, "0", worker)
	}
	faults = make(map[plan.ID]error)
	repaired := make(map[plan.ID]bool)
	for len(calls) > 0 {
		// If a server does not answer, only its plans have a fault. The worker's lease, which may
		// be on another server, is still valid.
		if _ = ix.client.pipeline(ctx, d, calls); ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		var further []pipelined
		for i := range calls {
			c := &calls[i]
			if c.lost() {
				continue
			}
			cursor, complete, stale, err := c.readHeld(&held)
			if err == nil && !complete {
				held = slices.DeleteFunc(held, func(h store.Holding) bool { return h.Task.Plan() == c.id })
				cursor, err = "0", ix.repairOnce(ctx, d, c.id, repaired)
			}
			if err == nil && len(stale) > 0 {
				err = ix.prune(ctx, d, c.id, stale)
			}
			switch {
			case ctx.Err() != nil:
				return nil, nil, ctx.Err()
			case err != nil:
				faults[c.id] = err
			case !complete || cursor != "0":
				further = append(further, ix.heldCall(c.id, cursor, worker))
			}
		}
		calls = further
	}
	held = slices.DeleteFunc(held, func(h store.Holding) bool { return faults[h.Task.Plan()] != nil })
	return unique(held), faults, nil
}

// prune removes stale entries, which do not belong to any task, from a plan's index of held tasks.
func (ix *indexes) prune(ctx context.Context, d time.Duration, id plan.ID, stale []any) error {
	key := ix.client.keys.plan(id)
	_, err := ix.client.runWithin(ctx, d, ix.client.scripts.prune, key, false, append(ix.client.scripts.prune.argv(nil, key), stale...))
	return err
}

// repairOnce rebuilds the indexes of a plan. If repaired shows that they were rebuilt before, and
// are still incomplete, it returns an error.
func (ix *indexes) repairOnce(ctx context.Context, d time.Duration, id plan.ID, repaired map[plan.ID]bool) error {
	if repaired[id] {
		return &store.CorruptError{Key: ix.client.keys.held(id), Reason: "fewer tasks are held, or wait for a worker, than are counted"}
	}
	repaired[id] = true
	return ix.repair(ctx, d, id)
}

func (ix *indexes) heldCall(id plan.ID, cursor, worker string) pipelined {
	key := ix.client.keys.plan(id)
	argv := append(ix.client.scripts.held.argv(nil, key), cursor, worker, heldPart)
	return pipelined{id: id, key: key, script: ix.client.scripts.held, argv: argv}
}

// repair rebuilds the indexes of a plan from its tasks, in bounded steps.
func (ix *indexes) repair(ctx context.Context, d time.Duration, id plan.ID) error {
	key := ix.client.keys.plan(id)
	for bucket := int64(0); bucket >= 0; {
		argv := append(ix.client.scripts.repair.argv(nil, key), bucket, scanBuckets)
		answer, err := ix.client.runWithin(ctx, d, ix.client.scripts.repair, key, false, argv)
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

// readHeld appends the holdings in an answer of held.lua to held. complete is false if the index
// has to be rebuilt; stale are entries that do not belong to any task.
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

// unique keeps only the last entry of a task that a scan has returned twice, because it is newer.
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
