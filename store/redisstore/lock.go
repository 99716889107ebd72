package redisstore

import (
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
)

// Reserve implements store.Locker.
func (s *Store) Reserve(ctx context.Context, locks []store.TenantLock) (held []store.TenantLock, err error) {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil || len(locks) == 0 {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	had, err := s.reserve(ctx, locks)
	if err != nil {
		return nil, err
	}
	for i, l := range locks {
		if had[i] == "" || had[i] == formatLock(l) {
			continue
		}
		other, err := s.parseLock(l.Tenant, had[i])
		if err != nil {
			return nil, err
		}
		held = append(held, other)
	}
	return held, nil
}

// reserve sets the keys of locks that are free and returns what was there before.
func (s *Store) reserve(ctx context.Context, locks []store.TenantLock) ([]string, error) {
	switch {
	case s.cluster && s.cfg.Replicas > 0:
		return s.reserveDurably(ctx, locks)
	case s.cluster:
		return s.reserveEach(ctx, locks)
	}
	argv := make([]any, 3+2*len(locks))
	argv[0], argv[1], argv[2] = "evalsha", s.scripts.reserve.sha, len(locks)
	for i, l := range locks {
		argv[3+i], argv[3+len(locks)+i] = s.keys.tenant(l.Tenant), formatLock(l)
	}
	key := s.keys.tenant(locks[0].Tenant)
	answer, err := s.run(ctx, s.scripts.reserve, key, true, argv)
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
func (s *Store) reserveEach(ctx context.Context, locks []store.TenantLock) ([]string, error) {
	keys := make([]string, len(locks))
	for i, l := range locks {
		keys[i] = s.keys.tenant(l.Tenant)
	}
	set := each(ctx, s, patience, keys, func(pipe redis.Pipeliner, i int) func() (string, error) {
		return pipe.SetArgs(ctx, keys[i], formatLock(locks[i]), redis.SetArgs{Mode: "NX", Get: true}).Result
	})
	had := make([]string, len(locks))
	for i := range locks {
		old, err := set[i].value, set[i].err
		if err != nil && !errors.Is(err, redis.Nil) { // nil: it was free
			return nil, s.fault(ctx, keys[i], err)
		}
		if err == nil && old == "" {
			old = " " // it is not free, but no lock either
		}
		had[i] = old
	}
	return had, nil
}

// Locks implements store.Locker.
func (s *Store) Locks(ctx context.Context, tenants []string) (found []store.TenantLock, err error) {
	if err := store.CheckCount("tenants", len(tenants), store.MaxBatch); err != nil || len(tenants) == 0 {
		return nil, err
	}
	keys := make([]string, len(tenants))
	for i, tenant := range tenants {
		keys[i] = s.keys.tenant(tenant)
	}
	got := each(ctx, s, patience, keys, func(pipe redis.Pipeliner, i int) func() (string, error) {
		return pipe.Get(ctx, keys[i]).Result
	})
	for i, tenant := range tenants {
		text, err := got[i].value, got[i].err
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return nil, s.fault(ctx, keys[i], err)
		}
		l, err := s.parseLock(tenant, text)
		if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, nil
}

// reserveDurably is reserve for keys on different nodes, each of which waits for its
// replicas.
func (s *Store) reserveDurably(ctx context.Context, locks []store.TenantLock) ([]string, error) {
	had := make([]string, len(locks))
	errs := make([]error, len(locks))
	var wait sync.WaitGroup
	for i, l := range locks {
		wait.Go(func() { had[i], errs[i] = s.reserveOne(ctx, s.keys.tenant(l.Tenant), formatLock(l)) })
	}
	wait.Wait()
	return had, errors.Join(errs...)
}

// reserveOne sets one key if it is free, and returns what was there before.
func (s *Store) reserveOne(ctx context.Context, key, value string) (string, error) {
	answer, err := s.run(ctx, s.scripts.reserve, key, true, append(s.scripts.reserve.argv(nil, key), value))
	if err != nil {
		return "", err
	}
	r := reader{key: key, rest: answer[1:]}
	return r.sized(), r.err()
}

// Replace implements store.Locker.
func (s *Store) Replace(ctx context.Context, old, next store.TenantLock) (bool, error) {
	if old.Tenant != next.Tenant {
		return false, fmt.Errorf("%w: the locks to replace are of different tenants", store.ErrInvalid)
	}
	return s.swap(ctx, swap{s.keys.tenant(old.Tenant), formatLock(old), formatLock(next)})
}

// Release implements store.Locker.
func (s *Store) Release(ctx context.Context, locks []store.TenantLock) error {
	if err := store.CheckCount("locks", len(locks), store.MaxBatch); err != nil {
		return err
	}
	swaps := make([]swap, len(locks))
	for i, l := range locks {
		swaps[i] = swap{key: s.keys.tenant(l.Tenant), old: formatLock(l)}
	}
	return s.swapAll(ctx, swaps)
}

// dropLocks frees those tenants that a plan has, whatever else their locks say.
func (s *Store) dropLocks(ctx context.Context, id plan.ID, tenants []string) error {
	swaps := make([]swap, len(tenants))
	for i, t := range tenants {
		swaps[i] = swap{key: s.keys.tenant(t), old: "plan " + id.String()}
	}
	return s.swapAll(ctx, swaps)
}

// swap changes a key from exactly old to next, or deletes it if next is empty.
type swap struct{ key, old, next string }

// swap carries out one swap and reports whether the key was as expected.
func (s *Store) swap(ctx context.Context, w swap) (bool, error) {
	c := s.swapCall([]swap{w})
	answer, err := s.run(ctx, s.scripts.lock, w.key, w.next != "", c.argv)
	return answer == "=1", err
}

// swapAll carries out all of them that can be. A cluster is asked one by one, in one
// round trip: the keys are on different nodes.
func (s *Store) swapAll(ctx context.Context, swaps []swap) error {
	together := store.MaxBatch
	if s.cluster {
		together = 1
	}
	var calls []pipelined
	for part := range slices.Chunk(swaps, together) {
		calls = append(calls, s.swapCall(part))
	}
	if err := s.pipeline(ctx, patience, calls); err != nil {
		return err
	}
	for i := range calls {
		if calls[i].err != nil {
			return calls[i].err
		}
	}
	return nil
}

func (s *Store) swapCall(swaps []swap) pipelined {
	argv := make([]any, 0, 3+3*len(swaps))
	argv = append(argv, "evalsha", s.scripts.lock.sha, len(swaps))
	for i := range swaps {
		argv = append(argv, swaps[i].key)
	}
	for i := range swaps {
		argv = append(argv, swaps[i].old, swaps[i].next)
	}
	return pipelined{key: swaps[0].key, script: s.scripts.lock, argv: argv}
}

// formatLock returns the value of a lock's key: plan, ordinal, start token, phase.
func formatLock(l store.TenantLock) string {
	b := strconv.AppendInt(nil, int64(l.Plan), 10)
	b = strconv.AppendInt(append(b, ' '), int64(l.Ordinal), 10)
	b = strconv.AppendUint(append(b, ' '), l.Start, 10)
	b = strconv.AppendUint(append(b, ' '), uint64(l.Phase), 10)
	return string(b)
}

func (s *Store) parseLock(tenant, text string) (store.TenantLock, error) {
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
		err = errors.Join(errs[:]...)
	} else {
		err = fmt.Errorf("%d words", len(f))
	}
	if err != nil {
		return l, &store.CorruptError{Key: s.keys.tenant(tenant), Reason: fmt.Sprintf("%.64q is no lock: %v", text, err)}
	}
	return l, nil
}
