package redisstore

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// startLabelled creates and starts a plan in which every second tenant has parameters.
func startLabelled(t *testing.T, s *Store, n, held int, key string) *rollout {
	t.Helper()
	r := &rollout{TB: t, Store: s, ctx: t.Context()}
	c, err := s.BeginCreate(r.ctx, store.Create{
		Plan: plan.Plan{
			Name: "plan", ExecutorType: "EXECUTOR", TaskCount: n, IdempotencyKey: key, Parameters: map[string]string{"image": "everybody's"},
			Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(held), MaxFailures: strategy.Percent(100)},
		},
		Mark: rand.Text(), Hash: "h", TTL: time.Minute,
	})
	r.ok(err)
	tenants := make([]task.Tenant, n)
	for i := range tenants {
		tenants[i].ID = fmt.Sprintf("tenant-%d-%d", c.ID, i+1)
		if i%2 == 0 {
			tenants[i].Parameters = map[string]string{"image": fmt.Sprint("own ", i+1)}
		}
	}
	for first := 0; first < n; first += store.MaxBatch {
		r.ok(s.AddTenants(r.ctx, c, first+1, tenants[first:min(n, first+store.MaxBatch)]))
	}
	r.ok(s.FinishCreate(r.ctx, c))
	r.id = c.ID
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.MarkStarting(1<<63+1, time.Minute, plan.By{}) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Start(plan.By{Now: time.Now()}) })
	return r
}

// skip skips a task.
func (r *rollout) skip(ordinal int) {
	r.Helper()
	t, err := r.Task(r.ctx, task.NewID(r.id, ordinal))
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.SkipTask(t, plan.By{}) })
}

// claimErr tries to claim up to n tasks.
func (r *rollout) claimErr(n int) ([]task.Task, error) {
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: rand.Text(), Worker: "worker", Max: n}}
	err := r.Commit(r.ctx, &b)
	return b.Claimed, err
}

// TestLostParameters: if the parameters of tenants are lost, no claim gets the tasks of these
// tenants, neither in their turn nor while they wait for another worker.
func TestLostParameters(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := startLabelled(t, s, 130, 130, "")
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	jobs := r.claim("worker", 3)
	if jobs[0].Tenant.Parameters["image"] != "own 1" || jobs[1].Tenant.Parameters != nil {
		t.Fatalf("claimed %+v", jobs)
	}
	r.work(store.Change{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Complete})
	r.work(store.Change{Task: jobs[2].ID, Token: jobs[2].Token, Seq: 1, Kind: store.Yield})
	before, err := s.Plan(r.ctx, r.id)
	r.ok(err)

	saved := client.Dump(r.ctx, s.keys.extras(r.id, 0)).Val()
	client.Del(r.ctx, s.keys.extras(r.id, 0))
	for range 3 {
		got, err := r.claimErr(100)
		if len(got) != 0 {
			t.Errorf("claimed %+v", got)
		}
		names(t, err, s.keys.extras(r.id, 0))
	}
	_, err = s.Task(r.ctx, jobs[0].ID)
	names(t, err, s.keys.extras(r.id, 0))
	_, _, err = s.Tasks(r.ctx, r.id, store.TaskQuery{})
	names(t, err, s.keys.extras(r.id, 0))
	p, err := s.Plan(r.ctx, r.id)
	if err != nil || p.Counters != before.Counters {
		t.Errorf("counters %+v, error %v, want them as before: %+v", p.Counters, err, before.Counters)
	}
	r.ok(client.Restore(r.ctx, s.keys.extras(r.id, 0), 0, saved).Err())
	storetest.Check(t, s, r.id)
}

// TestLostParametersOfUndos: an undo round stops before a task whose parameters are lost, and
// continues with that task when the parameters are restored.
func TestLostParametersOfUndos(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := startLabelled(t, s, 130, 130, "")
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	for _, j := range r.claim("worker", 2) {
		r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete})
	}
	key := s.keys.extras(r.id, 0)
	saved := client.Dump(r.ctx, key).Val()
	client.Del(r.ctx, key)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Rollback(plan.By{}) })
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Settle(time.Now()), nil })
	if got := r.claim("worker", 100); len(got) != 1 || got[0].ID.Ordinal() != 2 {
		t.Errorf("to be undone: %+v, want the task without parameters", got)
	}
	got, err := r.claimErr(100)
	if names(t, err, key); len(got) != 0 {
		t.Errorf("to be undone: %+v", got)
	}
	r.ok(client.Restore(r.ctx, key, 0, saved).Err())
	if got := r.claim("worker", 100); len(got) != 1 || got[0].Tenant.Parameters["image"] != "own 1" {
		t.Errorf("to be undone: %+v, want the one with parameters", got)
	}
	storetest.Check(t, s, r.id)
}

// TestLostParametersOfOne: a claim gets the tasks before a task whose parameters are lost.
func TestLostParametersOfOne(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := startLabelled(t, s, 130, 130, "")
	client.HDel(r.ctx, s.keys.extras(r.id, 1), "4") // task 69
	got := r.claim("worker", 100)
	if len(got) != 68 || got[66].Tenant.Parameters["image"] != "own 67" {
		t.Errorf("%d tasks are claimed, want 68", len(got))
	}
	_, err := r.claimErr(1)
	names(t, err, s.keys.extras(r.id, 1))
}

// TestLostTasksAhead: if the bucket of tasks that were skipped before their turn is lost, the tasks
// are not run; calls that need the bucket report its key.
func TestLostTasksAhead(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := startLabelled(t, s, 130, 130, "")
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	for _, ordinal := range []int{69, 70} { // one with parameters and one without
		r.skip(ordinal)
		if got, err := s.Task(r.ctx, task.NewID(r.id, ordinal)); err != nil || got.State != task.Skipped ||
			got.Tenant.ID != fmt.Sprintf("tenant-%d-%d", r.id, ordinal) || (got.Tenant.Parameters != nil) != (ordinal == 69) {
			t.Fatalf("skipped: %+v, %v", got, err)
		}
	}
	storetest.Check(t, s, r.id)
	key := s.keys.tasks(r.id, 1)
	client.Del(r.ctx, key)
	for range 2 {
		_, _, err := s.Tasks(r.ctx, r.id, store.TaskQuery{States: []task.State{task.Skipped}})
		names(t, err, key)
		_, err = s.States(r.ctx, r.id, 0, 0)
		names(t, err, key)
		_, err = s.Task(r.ctx, task.NewID(r.id, 70))
		names(t, err, key)
		p, err := s.Plan(r.ctx, r.id)
		r.ok(err)
		edit := task.Edit{ID: task.NewID(r.id, 70), Version: 1}
		edit.State = task.Canceled
		_, err = s.Apply(r.ctx, store.Command{ID: rand.Text(), Version: p.Version, Failed: -1, Decision: plan.Decision{Plan: p, Edits: []task.Edit{edit}}})
		names(t, err, key)
		if got, _ := r.claimErr(100); len(got) > 68 || len(got) > 0 && got[len(got)-1].ID.Ordinal() > 68 {
			t.Errorf("%d tasks are claimed, up to %s", len(got), got[len(got)-1].ID)
		}
	}
	_, err := r.claimErr(1)
	names(t, err, key)
}

// TestLostTasksBehind: a retry of a failed task makes an ordinal pending that is below those of
// tasks that are done. If the bucket of all these tasks is lost, no claim gets a task.
func TestLostTasksBehind(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := startLabelled(t, s, 10, 10, "")
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	for _, j := range r.claim("worker", 5) {
		kind := store.Complete
		if j.ID.Ordinal() == 2 {
			kind = store.Fail
		}
		r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: kind})
	}
	failed, err := s.Task(r.ctx, task.NewID(r.id, 2))
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failed, task.FromScratch, plan.By{}) })
	storetest.Check(t, s, r.id)
	key := s.keys.tasks(r.id, 0)
	client.Del(r.ctx, key)
	got, err := r.claimErr(10)
	if len(got) != 0 {
		t.Errorf("claimed %+v", got)
	}
	names(t, err, key)
	_, err = s.States(r.ctx, r.id, 0, 0)
	names(t, err, key)
}

// TestLostTenantsDuringCreation: if tenants that were added to a plan under creation are lost,
// AddTenants reports the key and adds nothing.
func TestLostTenantsDuringCreation(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	c, err := s.BeginCreate(t.Context(), store.Create{Plan: plan.Plan{TaskCount: 10}, Mark: "m", TTL: time.Minute})
	if err == nil {
		err = s.AddTenants(t.Context(), c, 1, plan.Tenants("a", "b", "c"))
	}
	if err != nil {
		t.Fatal(err)
	}
	key := s.keys.tenants(c.ID, 0)
	client.Del(t.Context(), key)
	names(t, s.AddTenants(t.Context(), c, 4, plan.Tenants("d", "e")), key)
	names(t, s.AddTenants(t.Context(), c, 2, plan.Tenants("b", "c", "d")), key)
	if n := client.LLen(t.Context(), key).Val(); n != 0 {
		t.Errorf("%d tenants were written", n)
	}
}
