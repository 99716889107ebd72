package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// registry lists the workers. What is known of one stands in its lease, and ends with it; the key
// workers only has the names.
//
// Invariant: a name is added after its lease was written. So a name without a lease is that of a
// worker whose lease is over, and may be dropped by anybody.
type registry struct {
	client  *client
	indexes *indexes
	plan    func(context.Context, plan.ID) (plan.Plan, error)
}

// joinSweep is how many names next to its own a joining process looks at, to drop those whose lease
// is over: the names of processes that died would otherwise stay until somebody asks for the
// workers.
const joinSweep = 20

// Join implements store.Leaser. It writes a lease, and lists its incarnation. A failure to list it
// is no failure to join: the next report lists it.
func (rg *registry) Join(ctx context.Context, incarnation string, ttl time.Duration, p store.Process) error {
	if err := checkLease(incarnation, ttl); err != nil {
		return err
	}
	if err := p.Check(); err != nil {
		return err
	}
	if err := rg.client.mayClaim(); err != nil {
		return err
	}
	process, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	if err := rg.write(ctx, incarnation, "join", process, ttl.Milliseconds()); err != nil {
		return err
	}
	if rg.add(ctx, incarnation) == nil {
		rg.sweep(ctx, incarnation)
	}
	return ctx.Err()
}

// sweep drops names of workers whose lease is over among those that follow a name, or else are the
// first.
func (rg *registry) sweep(ctx context.Context, name string) {
	for _, from := range []string{store.NameAfter(name), ""} {
		names, err := rg.names(ctx, from, joinSweep)
		if err != nil {
			return // the next one to join looks again
		}
		_, _ = rg.read(ctx, names)
		if len(names) == joinSweep {
			return
		}
	}
}

// Report implements store.Registry.
func (rg *registry) Report(ctx context.Context, incarnation string, l store.Load) error {
	if err := l.Check(); err != nil {
		return err
	}
	holds, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("redisstore: %w", err)
	}
	err = rg.write(ctx, incarnation, "report", holds)
	if errors.Is(err, store.ErrNotFound) {
		return store.ErrLeaseExpired
	}
	if err != nil {
		return err
	}
	return rg.add(ctx, incarnation)
}

// Workers implements store.Registry. It drops the names of workers whose lease is over.
func (rg *registry) Workers(ctx context.Context, from string, limit int) (workers []store.Worker, partly error) {
	if err := store.CheckWorkers(limit); err != nil {
		return nil, err
	}
	limit = cmp.Or(limit, store.MaxPage)
	for len(workers) < limit {
		names, err := rg.names(ctx, from, limit-len(workers))
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			break
		}
		found, err := rg.read(ctx, names)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		workers, partly = append(workers, found...), cmp.Or(partly, err)
		from = store.NameAfter(names[len(names)-1])
	}
	return workers, partly
}

// Holdings implements store.Registry.
func (rg *registry) Holdings(ctx context.Context, id plan.ID, incarnation string) ([]store.Holding, error) {
	held, faults, err := rg.indexes.holdings(ctx, answerTimeout, []plan.ID{id}, incarnation)
	if err == nil {
		err = faults[id]
	}
	if err == nil && len(held) == 0 { // an empty answer does not show whether the plan exists
		_, err = rg.plan(ctx, id)
	}
	if err != nil {
		return nil, err
	}
	slices.SortFunc(held, func(a, b store.Holding) int { return cmp.Compare(a.Task, b.Task) })
	return held, nil
}

// write calls lease.lua.
func (rg *registry) write(ctx context.Context, incarnation string, args ...any) error {
	key := rg.client.keys.lease(incarnation)
	argv := append(rg.client.scripts.lease.argv(nil, key), args...)
	_, err := rg.client.run(ctx, rg.client.scripts.lease, key, false, argv)
	return err
}

// add lists an incarnation.
func (rg *registry) add(ctx context.Context, incarnation string) error {
	key := rg.client.keys.workers()
	err := askErr(ctx, rg.client, key, func(ctx context.Context) error {
		return rg.client.rdb.ZAdd(ctx, key, redis.Z{Member: incarnation}).Err()
	})
	return rg.client.fault(ctx, key, err)
}

// drop ends the listing of incarnations.
func (rg *registry) drop(ctx context.Context, incarnations ...any) error {
	key := rg.client.keys.workers()
	err := askErr(ctx, rg.client, key, func(ctx context.Context) error { return rg.client.rdb.ZRem(ctx, key, incarnations...).Err() })
	return rg.client.fault(ctx, key, err)
}

// names returns up to limit listed names, beginning with the name from.
func (rg *registry) names(ctx context.Context, from string, limit int) ([]string, error) {
	key := rg.client.keys.workers()
	names, err := ask(ctx, rg.client, key, func(ctx context.Context) ([]string, error) {
		return rg.client.rdb.ZRangeArgs(ctx, redis.ZRangeArgs{Key: key, ByLex: true, Start: "[" + from, Stop: "+", Count: int64(limit)}).Result()
	})
	return names, rg.client.fault(ctx, key, err)
}

// read returns those of the named workers that have a lease, in the same order, and drops the names
// of the others. The error is that of the first worker that cannot be read.
func (rg *registry) read(ctx context.Context, names []string) (workers []store.Worker, partly error) {
	calls := make([]pipelined, len(names))
	for i, name := range names {
		key := rg.client.keys.lease(name)
		calls[i] = pipelined{key: key, script: rg.client.scripts.member, argv: rg.client.scripts.member.argv(nil, key)}
	}
	if _ = rg.client.pipeline(ctx, answerTimeout, calls); ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var over []any
	for i := range calls {
		w, alive, err := calls[i].worker(names[i])
		switch {
		case err != nil:
			partly = cmp.Or(partly, err)
		case alive:
			workers = append(workers, w)
		default:
			over = append(over, names[i])
		}
	}
	if len(over) > 0 {
		_ = rg.drop(ctx, over...) // the next one who reads drops them
	}
	return workers, partly
}

// worker reads an answer of member.lua. alive is false if there is no lease.
func (p *pipelined) worker(name string) (w store.Worker, alive bool, err error) {
	if p.err != nil {
		return w, false, p.err
	}
	if p.answer == "=" {
		return w, false, nil
	}
	r := reader{key: p.key, rest: p.answer[1:]}
	w.Name = name
	now, left := r.number(';'), r.number(';')
	w.JoinedAt = stamp(r.number(' '))
	process, holds, _ := strings.Cut(r.rest, "\n")
	if r.bad || json.Unmarshal([]byte(process), &w.Process) != nil || holds != "" && json.Unmarshal([]byte(holds), &w.Load) != nil {
		return w, false, &store.CorruptError{Key: p.key, Reason: "it is no lease: " + strconv.Quote(p.answer[:min(len(p.answer), 64)])}
	}
	w.LeaseUntil = stamp(now).Add(time.Duration(left) * time.Millisecond)
	return w, true, nil
}
