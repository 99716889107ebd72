package redisstore

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestFullServer: while the memory of a server is full, calls that end, yield, defer, renew or
// remove something succeed, even in a process that has just opened its store; creations, claims and
// saves are refused.
func TestFullServer(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	first := openStore(t, server.Client(), Config{})
	r := start(t, first, 200, 200)
	r.ok(first.Join(r.ctx, "worker", time.Minute, store.Process{}))
	held := r.claim("worker", 6)
	lock := store.TenantLock{Tenant: "tenant", Plan: r.id, Ordinal: 1, Start: 1}
	_, err := first.Reserve(r.ctx, []store.TenantLock{lock})
	r.ok(err)
	_, err = first.Cursor(r.ctx, r.id, "mail", "me", time.Minute)
	r.ok(err)
	r.ok(server.Client().ConfigSet(r.ctx, "maxmemory", "1").Err())

	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	s := openStore(t, client, Config{})
	r.Store = s
	refused := func(what string, err error) {
		t.Helper()
		if !redis.IsOOMError(err) || !store.Temporary(err) {
			t.Errorf("%s: error %v, want a passing one: out of memory", what, err)
		}
	}
	_, err = s.BeginCreate(r.ctx, store.Create{Mark: "mark", Plan: plan.Plan{TaskCount: 1}, TTL: time.Minute})
	refused("create", err)
	refused("claim", s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: "c", Worker: "worker", Max: 1}}))
	work := func(j task.Task, kind store.ChangeKind) *store.Batch {
		w := store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: kind}
		if kind == store.Save {
			w.Step, w.Data = "A", []byte("{}")
		}
		if kind == store.Defer {
			w.Wait, w.After, w.Failure = task.WaitBackoff, time.Hour, &task.FailureInfo{ErrorCode: "c"}
		}
		return &store.Batch{Plan: r.id, Changes: []store.Change{w}, Claim: store.Claim{ID: j.ID.String(), Worker: "worker", Max: 1}}
	}
	refused("save", s.Commit(r.ctx, work(held[0], store.Save)))

	b := work(held[0], store.Complete)
	if r.ok(s.Commit(r.ctx, b)); b.Changes[0].Err != nil || b.Changes[0].State != task.Completed || len(b.Claimed) > 0 {
		t.Errorf("an end with a claim: %+v and %d tasks", b.Changes[0], len(b.Claimed))
	}
	for i, kind := range []store.ChangeKind{store.Fail, store.Yield, store.Defer} {
		if b := work(held[1+i], kind); s.Commit(r.ctx, b) != nil || b.Changes[0].Err != nil {
			t.Errorf("kind %d: %+v", kind, b.Changes[0])
		}
	}
	_, err = s.Heartbeat(r.ctx, "worker", time.Minute, []plan.ID{r.id})
	r.ok(err)
	_, err = s.Due(r.ctx, nil, 10)
	r.ok(err)
	_, err = s.Cursor(r.ctx, r.id, "mail", "me", time.Minute)
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{}) })
	for _, j := range held[4:] {
		r.ok(s.Commit(r.ctx, work(j, store.Yield)))
	}
	tasks, _, err := s.Tasks(r.ctx, r.id, store.TaskQuery{Unheld: true, States: []task.State{task.Running}})
	r.ok(err)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.HaltTasks(tasks, plan.By{}), nil })
	r.ok(s.Release(r.ctx, []store.TenantLock{lock}))
	r.ok(s.Leave(r.ctx, "worker"))
	for more := true; more; {
		more, err = s.Remove(r.ctx, r.id)
		r.ok(err)
	}
	left, err := client.Keys(r.ctx, "*").Result()
	r.ok(err)
	for _, key := range left {
		if key != s.keys.version() && key != s.keys.ids() && key != s.keys.tokens() && key != s.keys.stamps() {
			t.Errorf("%s is left", key)
		}
	}
}

// TestOpenWithoutClient: a nil client is a fault of the configuration.
func TestOpenWithoutClient(t *testing.T) {
	t.Parallel()
	for _, rdb := range []redis.UniversalClient{nil, (*redis.Client)(nil), (*redis.ClusterClient)(nil)} {
		if _, err := Open(t.Context(), rdb, Config{}); err == nil {
			t.Errorf("%T was taken", rdb)
		}
	}
}
