package redisstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// append stores n tenants with labels for an addition that the plan is marked with.
func (r *rollout) append(token uint64, first, n int) error {
	r.Helper()
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return plan.Adding{Token: token, Tenants: n, TTL: time.Minute}.Mark(p, plan.By{Now: time.Now()})
	})
	list := make([]task.Tenant, n)
	for i := range list {
		list[i] = task.Tenant{ID: fmt.Sprintf("added-%d-%d", token, first+i), Labels: map[string]string{"added": "yes"}}
	}
	for at := 0; at < n; at += store.MaxBatch {
		if err := r.AppendTenants(r.ctx, r.id, token, first+at, list[at:min(n, at+store.MaxBatch)]); err != nil {
			return err
		}
	}
	return nil
}

// When a plan is removed, nothing stays of the tenants that were stored for an addition which was
// given up, nor of their locks, even if a smaller addition came after it.
func TestNoKeyStaysOfAnAddition(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 2, 1)
	r.ok(r.append(5, 3, 1200))
	_, err := s.Reserve(r.ctx, []store.TenantLock{{Tenant: "added-5-1202", Plan: r.id, Ordinal: 1202, Start: 1}})
	r.ok(err)
	first, second := plan.Adding{Token: 5}, plan.Adding{Token: 6}
	r.decide(func(p plan.Plan) (plan.Decision, error) { return first.GiveUp(p, plan.By{Now: time.Now()}), nil })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return first.Drop(p, 0, plan.By{Now: time.Now()}), nil })
	r.ok(r.append(6, 3, 1))
	r.decide(func(p plan.Plan) (plan.Decision, error) { return second.Complete(p, plan.By{Now: time.Now()}) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{Now: time.Now()}) })
	for more := true; more; {
		more, err = s.Remove(r.ctx, r.id)
		r.ok(err)
	}
	keys, err := client.Keys(r.ctx, "*").Result()
	r.ok(err)
	for _, key := range keys {
		if strings.Contains(key, "{p:") || strings.Contains(key, "added") {
			t.Errorf("%s stays", key)
		}
	}
}

// Tenants are stored completely or not at all, and an error names the key with the wrong type.
func TestAppendToAKeyOfTheWrongType(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, name := range []string{"n:0", "x:0", "n:1", "x:1"} {
		r := start(t, s, 2, 1)
		key := strings.TrimSuffix(s.keys.plan(r.id), "plan") + name
		client.Del(r.ctx, key)
		client.Set(r.ctx, key, "text", 0)
		before := client.LLen(r.ctx, s.keys.tenants(r.id, 0)).Val()
		err := r.append(5, 3, 90)
		var corrupt *store.CorruptError
		if !errors.As(err, &corrupt) || corrupt.Key != key {
			t.Errorf("%s: error %v, want one that names the key", name, err)
		}
		if after := client.LLen(r.ctx, s.keys.tenants(r.id, 0)).Val(); after != before {
			t.Errorf("%s: %d tenants are stored, before %d", name, after, before)
		}
	}
}

// While the memory of a server is full, tenants are appended completely or not at all; what was
// appended before is completed, and what is given up is dropped. The plans go on.
func TestAppendToAFullServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, server.Client(), Config{})
	whole, none, again := start(t, s, 3, 3), start(t, s, 3, 3), start(t, s, 3, 3)
	held := append(whole.claim("worker", 2), none.claim("worker", 2)...)
	whole.ok(whole.append(5, 4, 150))
	none.ok(none.append(6, 4, 1))
	none.giveUp(6)
	mark := func(r *rollout, token uint64) {
		r.decide(func(p plan.Plan) (plan.Decision, error) {
			return plan.Adding{Token: token, Tenants: 90, TTL: time.Minute}.Mark(p, plan.By{Now: time.Now()})
		})
	}
	memory := func(limit string) { whole.ok(server.Client().ConfigSet(t.Context(), "maxmemory", limit).Err()) }
	for _, r := range []*rollout{none, again} { // one of them still has what the addition before has stored
		mark(r, 7)
		memory("1")
		list := make([]task.Tenant, 90)
		for i := range list {
			list[i] = task.Tenant{ID: fmt.Sprint("new", i), Labels: map[string]string{"added": "yes"}}
		}
		err := s.AppendTenants(r.ctx, r.id, 7, 4, list)
		if err != nil && (!redis.IsOOMError(err) || !store.Temporary(err)) {
			t.Errorf("append: error %v, want a passing one: out of memory", err)
		}
		stored, readErr := s.Appended(r.ctx, r.id, 3, 0)
		if r.ok(readErr); err == nil && len(stored) != 90 || err != nil && len(stored) != 0 {
			t.Errorf("%d tenants are stored, %v", len(stored), err)
		}
		r.giveUp(7)
		memory("0")
		storetest.Check(t, s, r.id)
	}
	memory("1")
	p := whole.decide(func(p plan.Plan) (plan.Decision, error) {
		return plan.Adding{Token: 5}.Complete(p, plan.By{Now: time.Now()})
	})
	if p.TaskCount != 153 || p.Counters.Of(task.Pending) != 151 {
		t.Errorf("%d tasks, %v", p.TaskCount, p.Counters)
	}
	for i, r := range []*rollout{whole, whole, none, none} {
		r.change(held[i], 1, store.Complete)
	}
	memory("0")
	if n := len(whole.claim("worker", 3)); n != 3 {
		t.Errorf("claimed %d of the added tasks", n)
	}
	mark(none, 8)
	storetest.Check(t, s, whole.id)
}

// giveUp gives an addition up and drops it.
func (r *rollout) giveUp(token uint64) {
	r.Helper()
	a := plan.Adding{Token: token}
	r.decide(func(p plan.Plan) (plan.Decision, error) { return a.GiveUp(p, plan.By{Now: time.Now()}), nil })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return a.Drop(p, 0, plan.By{Now: time.Now()}), nil })
}
