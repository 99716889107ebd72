package redisstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
)

// locks are the locks of tenants, each under its own key.
type locks struct{ client *client }

// reserve sets the keys of the locks that are free and returns the previous value of each.
func (ls *locks) reserve(ctx context.Context, locks []store.TenantLock) ([]string, error) {
	switch {
	case ls.client.cluster && ls.client.cfg.Replicas > 0:
		return ls.reserveDurably(ctx, locks)
	case ls.client.cluster:
		return ls.reserveEach(ctx, locks)
	}
	values := make([]string, len(locks)) // passed by pointer, which needs no allocation for each
	argv := make([]any, 3+2*len(locks))
	argv[0], argv[1], argv[2] = "evalsha", ls.client.scripts.reserve.sha, len(locks)
	for i, l := range locks {
		values[i] = formatLock(l)
		argv[3+i], argv[3+len(locks)+i] = ls.client.keys.tenant(l.Tenant), &values[i]
	}
	key := ls.client.keys.tenant(locks[0].Tenant)
	answer, err := ls.client.run(ctx, ls.client.scripts.reserve, key, true, argv)
	if err != nil {
		return nil, err
	}
	r := reader{key: key, rest: answer[1:]}
	had := make([]string, len(locks))
	for i := range had {
		had[i] = r.sized()
	}
	return had, r.err()
}

// reserveEach is reserve for keys on different nodes.
func (ls *locks) reserveEach(ctx context.Context, locks []store.TenantLock) ([]string, error) {
	keys := make([]string, len(locks))
	for i, l := range locks {
		keys[i] = ls.client.keys.tenant(l.Tenant)
	}
	set := each(ctx, ls.client, answerTimeout, keys, func(pipe redis.Pipeliner, i int) func() (string, error) {
		return pipe.SetArgs(ctx, keys[i], formatLock(locks[i]), redis.SetArgs{Mode: "NX", Get: true}).Result
	})
	had := make([]string, len(locks))
	for i := range locks {
		old, err := set[i].value, set[i].err
		if err != nil && !errors.Is(err, redis.Nil) { // nil: the lock was free
			return nil, ls.client.fault(ctx, keys[i], err)
		}
		if err == nil && old == "" {
			old = " " // the key exists, but is no lock
		}
		had[i] = old
	}
	return had, nil
}

// reserveDurably is reserve for keys on different nodes. It waits for the replicas of each node.
func (ls *locks) reserveDurably(ctx context.Context, locks []store.TenantLock) ([]string, error) {
	had := make([]string, len(locks))
	errs := make([]error, len(locks))
	var wait sync.WaitGroup
	for i, l := range locks {
		wait.Go(func() { had[i], errs[i] = ls.reserveOne(ctx, ls.client.keys.tenant(l.Tenant), formatLock(l)) })
	}
	wait.Wait()
	return had, errors.Join(errs...)
}

// reserveOne sets one key if it is free, and returns its previous value.
func (ls *locks) reserveOne(ctx context.Context, key, value string) (string, error) {
	answer, err := ls.client.run(ctx, ls.client.scripts.reserve, key, true, append(ls.client.scripts.reserve.argv(nil, key), value))
	if err != nil {
		return "", err
	}
	r := reader{key: key, rest: answer[1:]}
	return r.sized(), r.err()
}

// swap carries out one swap and reports whether the key was as expected.
func (ls *locks) swap(ctx context.Context, w swap) (bool, error) {
	c := ls.swapCall([]swap{w})
	answer, err := ls.client.run(ctx, ls.client.scripts.lock, w.key, w.next != "", c.argv)
	return answer == "=1", err
}

// swapAll carries out the swaps whose keys have the expected value. On a cluster, where the keys
// are on different nodes, it makes one call per key, all in one round trip.
func (ls *locks) swapAll(ctx context.Context, swaps []swap) error {
	together := store.MaxBatch
	if ls.client.cluster {
		together = 1
	}
	var calls []pipelined
	for part := range slices.Chunk(swaps, together) {
		calls = append(calls, ls.swapCall(part))
	}
	if err := ls.client.pipeline(ctx, answerTimeout, calls); err != nil {
		return err
	}
	for i := range calls {
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}

func (ls *locks) swapCall(swaps []swap) pipelined {
	argv := make([]any, 0, 3+3*len(swaps))
	argv = append(argv, "evalsha", ls.client.scripts.lock.sha, len(swaps))
	for i := range swaps {
		argv = append(argv, swaps[i].key)
	}
	for i := range swaps {
		argv = append(argv, &swaps[i].old, &swaps[i].next)
	}
	return pipelined{key: swaps[0].key, script: ls.client.scripts.lock, argv: argv}
}

// drop deletes the locks that a plan has on the tenants, whatever else the locks contain.
func (ls *locks) drop(ctx context.Context, id plan.ID, tenants []string) error {
	swaps := make([]swap, len(tenants))
	for i, t := range tenants {
		swaps[i] = swap{key: ls.client.keys.tenant(t), old: "plan " + id.String()}
	}
	return ls.swapAll(ctx, swaps)
}

func (ls *locks) parse(tenant, text string) (store.TenantLock, error) {
	l := store.TenantLock{Tenant: tenant}
	f := strings.Split(text, " ")
	var err error
	if len(f) == 4 {
		var id, ordinal int64
		var phase uint64
		var errs [4]error
		id, errs[0] = strconv.ParseInt(f[0], 10, 64)
		ordinal, errs[1] = strconv.ParseInt(f[1], 10, 32)
		l.Start, errs[2] = strconv.ParseUint(f[2], 10, 64)
		phase, errs[3] = strconv.ParseUint(f[3], 10, 32)
		l.Plan, l.Ordinal, l.Phase = plan.ID(id), int(ordinal), uint32(phase)
		err = cmp.Or(errors.Join(errs[:]...), noHold(id, ordinal, int64(phase)))
	} else {
		err = fmt.Errorf("%d words", len(f))
	}
	if err != nil {
		return l, &store.CorruptError{Key: ls.client.keys.tenant(tenant), Reason: fmt.Sprintf("%.64q is no lock: %v", text, err)}
	}
	return l, nil
}

// noHold returns an error for the words of a lock, or a place, that names no task that can exist.
func noHold(id, ordinal, phase int64) error {
	if fault := planrecord.HoldFault(id, ordinal, phase); fault != "" {
		return errors.New(fault)
	}
	return nil
}

// swap changes a key from exactly old to next, or deletes it if next is empty. If old is "plan "
// and an id, every lock of that plan matches.
type swap struct{ key, old, next string }

// formatLock returns the value of a lock's key: plan, ordinal, start token, phase.
func formatLock(l store.TenantLock) string {
	var text [80]byte // its longest numbers fit
	b := strconv.AppendInt(text[:0], int64(l.Plan), 10)
	b = strconv.AppendInt(append(b, ' '), int64(l.Ordinal), 10)
	b = strconv.AppendUint(append(b, ' '), l.Start, 10)
	b = strconv.AppendUint(append(b, ' '), uint64(l.Phase), 10)
	return string(b)
}
