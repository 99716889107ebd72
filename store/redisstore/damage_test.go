package redisstore

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// planKeys returns the keys of a running plan, some of whose tasks are in flight.
func planKeys(k keys, id plan.ID) []string {
	return []string{
		k.plan(id), k.tenants(id, 0), k.tasks(id, 0), k.held(id), k.loose(id), k.later(id), k.events(id), k.commands(id),
	}
}

// busy returns a plan in which one task is completed, one waits for a worker, two are held, and one
// is waiting.
func busy(t *testing.T, s *Store) *rollout {
	t.Helper()
	r := start(t, s, 70, 10)
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	jobs := r.claim("worker", 5)
	b := store.Batch{Plan: r.id, Changes: []store.Change{
		{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Complete},
		{Task: jobs[1].ID, Token: jobs[1].Token, Seq: 1, Kind: store.Yield},
		{Task: jobs[4].ID, Token: jobs[4].Token, Seq: 1, Kind: store.Defer, Wait: task.WaitHold, After: time.Hour},
	}}
	r.ok(s.Commit(r.ctx, &b))
	return r
}

// end cancels a busy plan and ends its tasks, so that the plan is over.
func (r *rollout) end() {
	r.Helper()
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{}) })
	held, err := r.Heartbeat(r.ctx, "worker", time.Minute, []plan.ID{r.id})
	r.ok(err)
	b := store.Batch{Plan: r.id}
	for _, h := range held {
		b.Changes = append(b.Changes, store.Change{Task: h.Task, Token: h.Token, Seq: 9, Kind: store.Yield})
	}
	r.ok(r.Commit(r.ctx, &b))
	waiting, _, err := r.Tasks(r.ctx, r.id, store.TaskQuery{Unheld: true})
	r.ok(err)
	p := r.decide(func(p plan.Plan) (plan.Decision, error) { return p.HaltTasks(waiting, plan.By{}), nil })
	if !p.Over() {
		r.Fatalf("the plan is not over: %+v", p.Counters)
	}
}

// use makes calls that read or change a plan and returns their errors.
func use(r *rollout) []error {
	var errs []error
	note := func(err error) { errs = append(errs, err) }
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "more", Worker: "worker", Max: 3}}
	note(r.Commit(r.ctx, &b))
	p, err := r.Plan(r.ctx, r.id)
	note(err)
	p.ID = r.id // even if the plan could not be read
	_, err = r.Apply(r.ctx, store.Command{ID: "x", Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p}})
	note(err)
	_, _, err = r.Tasks(r.ctx, r.id, store.TaskQuery{})
	note(err)
	_, _, err = r.Tasks(r.ctx, r.id, store.TaskQuery{Unheld: true})
	note(err)
	_, err = r.Events(r.ctx, r.id, 0, 0)
	note(err)
	_, err = r.Heartbeat(r.ctx, "worker", time.Minute, []plan.ID{r.id})
	note(err)
	_, err = r.Orphans(r.ctx, r.id)
	note(err)
	_, err = r.Cursor(r.ctx, r.id, "name", "owner", time.Minute)
	note(err)
	return slices.DeleteFunc(errs, func(err error) bool { return err == nil })
}

// TestKeysOfAnotherType: if a key of a plan has the wrong type, the errors name the key, and no
// commit is written partly.
func TestKeysOfAnotherType(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	all := append(planKeys(s.keys, 0), s.keys.cursors(0))
	for i := range all {
		r := busy(t, s)
		key := append(planKeys(s.keys, r.id), s.keys.cursors(r.id))[i]
		saved := client.Dump(r.ctx, key).Val()
		client.Del(r.ctx, key)
		kind := "string"
		if client.Set(r.ctx, key, "in the way", 0).Err() != nil {
			t.Fatal("cannot put a string in the way")
		}
		errs := use(r)
		if len(errs) == 0 {
			t.Errorf("%s is a %s, and nobody minds", key, kind)
		}
		for _, err := range errs {
			var corrupt *store.CorruptError
			if !errors.As(err, &corrupt) || corrupt.Key != key {
				t.Errorf("%s is a %s: error %v, want one that names the key", key, kind, err)
			}
		}
		client.Del(r.ctx, key)
		if saved != "" {
			r.ok(client.Restore(r.ctx, key, 0, saved).Err())
		}
		storetest.Check(t, s, r.id)
	}
}

// TestSharedKeysOfAnotherType: if a key that concerns all plans has the wrong type, the errors name
// the key.
func TestSharedKeysOfAnotherType(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	left := func() error { _, err := s.Due(r.ctx, []string{"X", "EXECUTOR"}, 10); return err }
	leave := func() error {
		list, err := s.Due(r.ctx, nil, 1)
		r.ok(err)
		return s.Reschedule(r.ctx, list[0].ID, list[0].Stamp, store.Next{Executor: "EXECUTOR"})
	}
	due := func() error { _, err := s.Due(r.ctx, nil, 10); return err }
	begin := func() error {
		_, err := s.BeginCreate(r.ctx, store.Create{Plan: plan.Plan{TaskCount: 1, IdempotencyKey: "k"}, Mark: "m", TTL: time.Minute})
		return err
	}
	apply := func() error {
		p, err := s.Plan(r.ctx, r.id)
		r.ok(err)
		_, err = s.Apply(r.ctx, store.Command{ID: "x", Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p}})
		return err
	}
	for key, calls := range map[string][]func() error{
		s.keys.agenda(): {due, begin, apply},
		s.keys.stamps(): {due, begin, apply},
		s.keys.ids():    {due, begin},

		s.keys.left("EXECUTOR"): {left, leave},
		s.keys.plans():          {begin, func() error { _, err := s.Plans(r.ctx, store.PlanQuery{}); return err }},
		s.keys.key("k"):         {begin},
		s.keys.version():        {func() error { _, err := Open(r.ctx, client, Config{}); return err }},
	} {
		saved := client.Dump(r.ctx, key).Val()
		for _, call := range calls {
			client.Del(r.ctx, key)
			client.RPush(r.ctx, key, "in the way")
			client.HDel(r.ctx, s.keys.stamps(), "sweep") // so that the next Due also repairs
			names(t, call(), key)
		}
		client.Del(r.ctx, key)
		if saved != "" {
			r.ok(client.Restore(r.ctx, key, 0, saved).Err())
		}
	}
	storetest.Check(t, s, r.id)
}

// TestHeartbeatBesideDamage: although one plan cannot be read, Heartbeat renews the lease and
// returns the tasks that the worker holds in other plans.
func TestHeartbeatBesideDamage(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	damaged, sound := busy(t, s), busy(t, s)
	client.Del(t.Context(), s.keys.held(damaged.id))
	client.Set(t.Context(), s.keys.held(damaged.id), "in the way", 0)
	client.PExpire(t.Context(), s.keys.lease("worker"), time.Second)
	held, err := s.Heartbeat(t.Context(), "worker", time.Hour, []plan.ID{damaged.id, sound.id})
	var partly *store.HeartbeatError
	if !errors.As(err, &partly) || len(partly.Faults) != 1 || !errors.Is(partly.Faults[damaged.id], store.ErrCorrupt) {
		t.Errorf("error %v, want one about plan %s alone", err, damaged.id)
	}
	if len(held) != 2 || held[0].Task.Plan() != sound.id {
		t.Errorf("held: %v, want the two tasks of plan %s", held, sound.id)
	}
	if left := client.PTTL(t.Context(), s.keys.lease("worker")).Val(); left < time.Minute {
		t.Errorf("the lease is good for %s", left)
	}
}

// TestPlansBesideDamage: Plans returns the sound plans together with an error that names the
// damaged ones.
func TestPlansBesideDamage(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	var ids []plan.ID
	for range 4 {
		ids = append(ids, start(t, s, 1, 1).id)
	}
	client.HSet(t.Context(), s.keys.plan(ids[1]), "facts", "1 2 3")
	client.Del(t.Context(), s.keys.plan(ids[2]))
	plans, err := s.Plans(t.Context(), store.PlanQuery{})
	if len(plans) != 2 || plans[0].ID != ids[3] || plans[1].ID != ids[0] {
		t.Errorf("%d plans, want %s and %s", len(plans), ids[3], ids[0])
	}
	for _, id := range ids[1:3] {
		if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), s.keys.plan(id)) {
			t.Errorf("error %v, want one that names plan %s", err, id)
		}
	}
}
