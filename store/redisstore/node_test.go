package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// soon is the time within which a call that finds a server silent returns, even on a busy machine.
// go-redis alone would wait twelve seconds.
const soon = 6 * time.Second

// sick is a cluster with a plan on each master, one of which is frozen.
type sick struct {
	testing.TB
	*Store
	ill     *redistest.Server
	cluster *redistest.Cluster
	byNode  map[*redistest.Server]*rollout
	sent    *sent
}

// sent counts the calls that a client of a cluster sends to each server.
type sent struct{ byAddr sync.Map }

func (s *sent) count(rdb *redis.Client) {
	calls := new(atomic.Int64)
	s.byAddr.Store(rdb.Options().Addr, calls)
	rdb.AddHook(&counting{calls})
}

func (s *sent) to(server *redistest.Server) int64 {
	calls, ok := s.byAddr.Load(server.Addr())
	if !ok {
		return 0
	}
	n, _ := calls.(*atomic.Int64)
	return n.Load()
}

type counting struct{ calls *atomic.Int64 }

func (h *counting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (h *counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		h.calls.Add(1)
		return next(ctx, cmd)
	}
}

func (h *counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		h.calls.Add(1)
		return next(ctx, cmds)
	}
}

// name returns a name whose key is on the frozen master if onIll is true, otherwise on another one.
func (c *sick) name(what string, onIll bool, key func(string) string) string {
	for i := 0; ; i++ {
		if name := fmt.Sprint(what, i); (c.cluster.MasterFor(key(name)) == c.ill) == onIll {
			return name
		}
	}
}

// within calls f and fails the test if it takes longer than d.
func (c *sick) within(d time.Duration, what string, f func() error) error {
	c.Helper()
	began := time.Now()
	err := f()
	if took := time.Since(began); took > d {
		c.Errorf("%s took %v", what, took)
	}
	return err
}

// TestFrozenNode freezes each master of a cluster. Only calls that need its keys fail, and
// the frozen master delays other calls once, for a short time.
func TestFrozenNode(t *testing.T) {
	t.Parallel()
	const masters = 3
	for i := range masters {
		t.Run(fmt.Sprint("master ", i), func(t *testing.T) {
			t.Parallel()
			cluster := redistest.StartCluster(t, masters, 0)
			client, sent := redis.NewClusterClient(cluster.Options()), new(sent)
			t.Cleanup(func() { _ = client.Close() })
			client.OnNewNode(sent.count)
			s := openStore(t, client, Config{})
			byNode := map[*redistest.Server]*rollout{}
			for len(byNode) < masters {
				r := start(t, s, 40, 20)
				byNode[cluster.MasterFor(s.keys.plan(r.id))] = r
			}
			c := &sick{t, s, cluster.Nodes()[i], cluster, byNode, sent}
			c.freeze()
		})
	}
}

func (c *sick) freeze() {
	ctx := c.Context()
	lease := func(name string) string { return c.keys.lease(name) }
	worker := c.name("worker"+c.ill.Addr(), false, lease)
	dead, unknown := c.name("dead"+c.ill.Addr(), false, lease), c.name("unknown"+c.ill.Addr(), true, lease)
	var all []plan.ID
	var well *rollout
	for n, r := range c.byNode {
		r.claim(worker, 1)
		all = append(all, r.id)
		if n != c.ill {
			well = r
		}
	}
	well.claim(dead, 1)
	well.claim(unknown, 1)
	well.ok(c.Join(ctx, worker, time.Minute, store.Process{}))
	well.ok(c.Join(ctx, unknown, time.Minute, store.Process{}))
	illPlan := c.byNode[c.ill].id

	var unknowing []*Store
	for range 2 {
		unknowing = append(unknowing, openStore(c, c.client.rdb, Config{Prefix: c.keys.prefix}))
	}
	c.ill.Freeze()
	defer c.ill.Thaw()
	c.heartbeats(worker, all, illPlan)
	c.orphans(well, worker, dead, unknown)
	c.Store = unknowing[0]
	c.orphans(well, worker, dead, unknown)
	c.Store = unknowing[1]
	c.others(well, illPlan)
	if c.cluster.MasterFor(c.keys.agenda()) != c.ill {
		_ = c.within(soon, "due", func() error { _, err := c.Due(ctx, nil, 10); well.ok(err); return err })
	}
	// While a server is known to be silent, the store sends it one question for a sign of life at a
	// time, and no calls, so that nothing piles up on its connections.
	before := c.sent.to(c.ill)
	for range 300 {
		if _, err := c.Plan(ctx, illPlan); !store.Temporary(err) {
			c.Fatalf("error %v, want a passing one", err)
		}
	}
	if n := c.sent.to(c.ill) - before; n > 10 {
		c.Errorf("%d calls were sent to a server known to be silent", n)
	}

	c.ill.Thaw()
	well.again(func() error { _, err := c.Plan(ctx, illPlan); return err })
	well.ok(c.Join(ctx, worker, time.Minute, store.Process{}))
	var held []store.Holding
	well.again(func() (err error) { held, err = c.Heartbeat(ctx, worker, time.Minute, all); return err })
	if plans := plansOf(held); len(plans) != 3 {
		c.Errorf("after the thaw the worker holds tasks of the plans %v", plans)
	}
}

// heartbeats checks that the first heartbeat notices the silence within a fraction of the lease,
// and that the later heartbeats do not wait that long again.
func (c *sick) heartbeats(worker string, all []plan.ID, illPlan plan.ID) {
	c.Helper()
	for i, limit := range []time.Duration{soon / 2, soon / 6, soon / 6} {
		var held []store.Holding
		err := c.within(limit, fmt.Sprint("heartbeat ", i), func() (err error) {
			held, err = c.Heartbeat(c.Context(), worker, 2*time.Second, all)
			return err
		})
		var partly *store.HeartbeatError
		if !errors.As(err, &partly) || len(partly.Faults) != 1 || !store.Temporary(partly.Faults[illPlan]) {
			c.Errorf("heartbeat: error %v, want a passing one about plan %s alone", err, illPlan)
		}
		if plans := plansOf(held); len(plans) != 2 || slices.Contains(plans, illPlan) {
			c.Errorf("heartbeat: tasks of the plans %v", plans)
		}
	}
	// The lease of a worker whose tasks are all on the frozen master is renewed, too.
	_, err := c.Heartbeat(c.Context(), worker, 2*time.Second, []plan.ID{illPlan})
	var partly *store.HeartbeatError
	if !errors.As(err, &partly) || !store.Temporary(partly.Faults[illPlan]) {
		c.Errorf("heartbeat of a worker with tasks there alone: error %v, want a passing one about plan %s", err, illPlan)
	}
}

// orphans checks that a worker whose lease is on the frozen master counts as alive.
func (c *sick) orphans(well *rollout, worker, dead, unknown string) {
	c.Helper()
	read := func() []string {
		lost, err := c.Orphans(c.Context(), well.id)
		if err != nil && !store.Temporary(err) || err == nil && len(lost) == 0 {
			c.Errorf("orphans: error %v with %d tasks, want a passing one or none", err, len(lost))
		}
		var workers []string
		for _, h := range lost {
			workers = append(workers, h.Worker)
		}
		return workers
	}
	_ = c.within(soon, "orphans", func() error {
		if got := read(); !slices.Contains(got, dead) || slices.Contains(got, worker) || slices.Contains(got, unknown) {
			c.Errorf("orphans of %v", got)
		}
		return nil
	})
}

// others checks that calls about plans and tenants on other masters succeed, and that Plans leaves
// out plans that cannot be read.
func (c *sick) others(well *rollout, illPlan plan.ID) {
	c.Helper()
	ctx := c.Context()
	_ = c.within(soon, "commit", func() error { well.claim("w"+rand.Text(), 1); return nil })
	tenant := func(id string) string { return c.keys.tenant(id) }
	free, frozen := store.TenantLock{Tenant: c.name("t", false, tenant), Plan: 1}, store.TenantLock{Tenant: c.name("t", true, tenant), Plan: 1}
	if err := c.within(soon, "reserve", func() error { _, err := c.Reserve(ctx, []store.TenantLock{frozen, free}); return err }); !store.Temporary(err) {
		c.Errorf("reserve: error %v, want a passing one", err)
	}
	if err := c.within(soon, "release", func() error { return c.Release(ctx, []store.TenantLock{frozen, free}) }); !store.Temporary(err) {
		c.Errorf("release: error %v, want a passing one", err)
	}
	held, err := c.Reserve(ctx, []store.TenantLock{{Tenant: free.Tenant, Plan: 2}})
	if err != nil || len(held) > 0 {
		c.Errorf("the lock on another master was not freed: %v, %v", held, err)
	}
	well.ok(c.Release(ctx, []store.TenantLock{{Tenant: free.Tenant, Plan: 2}}))
	if c.cluster.MasterFor(c.keys.plans()) == c.ill {
		return
	}
	var plans []plan.Plan
	err = c.within(soon, "plans", func() (err error) { plans, err = c.Plans(ctx, store.PlanQuery{}); return err })
	if !store.Temporary(err) || slices.ContainsFunc(plans, func(p plan.Plan) bool { return p.ID == illPlan }) ||
		!slices.ContainsFunc(plans, func(p plan.Plan) bool { return p.ID == well.id }) {
		c.Errorf("plans: %d, error %v", len(plans), err)
	}
}

func plansOf(held []store.Holding) (ids []plan.ID) {
	for _, h := range held {
		if !slices.Contains(ids, h.Task.Plan()) {
			ids = append(ids, h.Task.Plan())
		}
	}
	return ids
}

// TestPausedWrites: while a server delays writes, as in a planned failover, it answers reads, and
// does not count as silent.
func TestPausedWrites(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, server.Client(), Config{})
	r := start(t, s, 4, 4)
	held := r.claim("worker", 2)
	admin := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = admin.Close() })
	r.ok(admin.Do(r.ctx, "client", "pause", 60_000, "write").Err())
	write := make(chan error, 1)
	go func() { write <- s.Join(r.ctx, "worker", time.Minute, store.Process{}) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); time.Since(began) < 3*answerTimeout; <-tick.C {
		ctx, cancel := context.WithTimeout(r.ctx, soon)
		_, err := s.Plan(ctx, r.id)
		r.ok(err)
		_, err = s.Task(ctx, held[0].ID)
		r.ok(err)
		_, _, err = s.Tasks(ctx, r.id, store.TaskQuery{})
		r.ok(err)
		_, err = s.States(ctx, r.id, 0, 0)
		r.ok(err)
		_, err = s.Tenants(ctx, r.id, 0, 0)
		r.ok(err)
		_, err = s.Events(ctx, r.id, 0, 0)
		r.ok(err)
		tasks, faults, err := s.indexes.holdings(ctx, answerTimeout, []plan.ID{r.id}, "worker")
		r.ok(err)
		if len(tasks) != 2 || len(faults) > 0 {
			t.Fatalf("the worker holds %v, faults %v", tasks, faults)
		}
		cancel()
	}
	r.ok(admin.Do(r.ctx, "client", "unpause").Err())
	r.ok(<-write)
	for _, sc := range []*script{s.client.scripts.plan, s.client.scripts.tasks, s.client.scripts.states, s.client.scripts.pick, s.client.scripts.events, s.client.scripts.held} {
		if !sc.reads || sc.plain.Load() {
			t.Errorf("script %s was called as one that writes", sc.name)
		}
	}
}

// TestReadOnlyCallsRefused: a store whose user may not make read-only calls makes calls that may
// write instead. Other stores of the process still make read-only calls.
func TestReadOnlyCallsRefused(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	admin := server.Client()
	if err := admin.Do(t.Context(), "acl", "setuser", "old", "on", ">pw", "~*", "&*", "+@all", "-evalsha_ro", "-eval_ro").Err(); err != nil {
		t.Fatal(err)
	}
	o := server.Options()
	o.Username, o.Password = "old", "pw"
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	s := openStore(t, client, Config{})
	r := start(t, s, 2, 2)
	r.claim("worker", 1)
	if p, err := s.Plan(r.ctx, r.id); err != nil || p.Counters.Held != 1 {
		t.Errorf("plan %v, %v", p.Counters, err)
	}
	if plans, err := s.Plans(r.ctx, store.PlanQuery{}); err != nil || len(plans) != 1 {
		t.Errorf("%d plans, %v", len(plans), err)
	}
	if !s.client.scripts.plan.plain.Load() {
		t.Error("it is refused each time")
	}
	other := openStore(t, server.Client(), Config{})
	if _, err := other.Plan(r.ctx, r.id); err != nil || other.client.scripts.plan.plain.Load() {
		t.Errorf("another store's reads are calls that may write, error %v", err)
	}
}

// TestStaleHolds: Heartbeat removes an entry of the index held that does not belong to any task,
// and does not return it.
func TestStaleHolds(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, server.Client(), Config{})
	r := start(t, s, 4, 4)
	held := r.claim("worker", 2)
	key := s.keys.held(r.id)
	r.ok(server.Client().HSet(r.ctx, key, "gone/0", "1 worker", "gone/1", "4 worker").Err())
	for range 2 {
		got, err := s.Heartbeat(r.ctx, joined(r, "worker"), time.Minute, []plan.ID{r.id})
		if damage := new(store.CorruptError); errors.As(err, &damage) {
			continue // task 4 was never touched, so its entry is damage
		}
		r.ok(err)
		if len(got) != len(held) {
			t.Errorf("held: %v", got)
		}
	}
	r.ok(server.Client().HDel(r.ctx, key, "gone/1").Err())
	if _, err := s.Heartbeat(r.ctx, "worker", time.Minute, []plan.ID{r.id}); err != nil {
		t.Error(err)
	}
	if server.Client().HExists(r.ctx, key, "gone/0").Val() {
		t.Error("the stale entry is still there")
	}
	if got, err := s.Orphans(r.ctx, r.id); err != nil || len(got) != 0 {
		t.Errorf("orphans %v, %v", got, err)
	}
}

func joined(r *rollout, worker string) string {
	r.Helper()
	r.ok(r.Join(r.ctx, worker, time.Minute, store.Process{}))
	return worker
}
