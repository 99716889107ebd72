package redisstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// through returns a client that reaches the server through a proxy.
func through(t *testing.T, server *redistest.Server, change func(*redis.Options)) (*redistest.Proxy, *redis.Client) {
	t.Helper()
	proxy := redistest.NewProxy(t, server.Addr())
	o := server.Options()
	o.Addr = proxy.Addr()
	if change != nil {
		change(o)
	}
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	return proxy, client
}

// TestLostAnswers: if answers and requests are lost while workers are busy, every task is still
// completed, with and without retries by the client itself.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	for _, retries := range []int{-1, 3} {
		t.Run(fmt.Sprintf("retries %d", retries), func(t *testing.T) {
			t.Parallel()
			proxy, client := through(t, server, func(o *redis.Options) { o.MaxRetries = retries })
			r := start(t, openStore(t, client, Config{Prefix: fmt.Sprintf("r%d:", retries)}), 300, 8)
			stop, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for n := 0; n < 40; {
					select {
					case <-stop:
						return
					case <-time.After(20 * time.Millisecond):
					}
					if proxy.Dropped() < n-2 {
						continue // the drops requested last have not happened yet
					}
					n++
					if n%2 == 0 {
						proxy.DropReplyTo("evalsha")
					} else {
						proxy.DropRequest("evalsha")
					}
				}
			}()
			r.drive(8)
			close(stop)
			<-done
			if proxy.Dropped() == 0 {
				t.Error("nothing was lost")
			}
			_ = client.Close()
			r.Store = openStore(t, server.Client(), Config{Prefix: fmt.Sprintf("r%d:", retries)})
			r.completed()
		})
	}
}

// TestForgottenScripts: if the server loses its scripts and closes connections while workers are
// busy, every task is still completed.
func TestForgottenScripts(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	r := start(t, openStore(t, client, Config{}), 300, 8)
	var group sync.WaitGroup
	stop := make(chan struct{})
	group.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			server.Client().ScriptFlush(r.ctx)
			if i%4 == 0 {
				server.Client().ClientKillByFilter(r.ctx, "TYPE", "normal", "SKIPME", "yes")
			}
		}
	})
	r.drive(8)
	close(stop)
	group.Wait()
	r.again(func() error { _, err := r.Plans(r.ctx, store.PlanQuery{}); return err })
	r.completed()
}

// TestRestart: if a server that writes every command to disk is killed and restarted while workers
// are busy, every task is still completed.
func TestRestart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	r := start(t, openStore(t, server.Client(), Config{}), 400, 4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.drive(4)
	}()
	time.Sleep(50 * time.Millisecond)
	server.Restart()
	<-done
	r.completed()
}

func TestFailover(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	// Without waiting for replicas, the last commits could be lost.
	s := openStore(t, sentinel.Client(), Config{Replicas: 1, ReplicaTimeout: 200 * time.Millisecond})
	r := start(t, s, 200, 4)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.drive(4)
	}()
	time.Sleep(20 * time.Millisecond)
	sentinel.FailoverNow()
	<-done
	r.completed()
}

// TestClusterFailover: if a replica takes over the plan's slots while workers are busy, every task
// is still completed. The failover is a planned one, so the replica has all acknowledged commits.
func TestClusterFailover(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 1)
	s := openStore(t, cluster.Client(), Config{})
	r := start(t, s, 3000, 4)
	key := s.keys.plan(r.id)
	old := cluster.MasterFor(key)
	replica := cluster.Nodes()[3+slices.Index(cluster.Nodes(), old)]
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.drive(4)
	}()
	r.ok(replica.Client().Do(r.ctx, "cluster", "failover").Err())
	<-done
	r.completed()
	for end := time.Now().Add(20 * time.Second); cluster.MasterFor(key) == old; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the old master still serves the plan")
		}
	}
	r.completed()
}

// TestReplicas: a commit that the replica does not have is not acknowledged.
func TestReplicas(t *testing.T) {
	t.Parallel()
	sentinel := redistest.StartSentinel(t)
	s := openStore(t, sentinel.Client(), Config{Replicas: 1, ReplicaTimeout: 100 * time.Millisecond})
	r := start(t, s, 2, 2)
	j := r.claim("worker", 1)[0]
	sentinel.Replica().Freeze()
	b := store.Batch{Plan: r.id, Changes: []store.Change{{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete}}}
	err := s.Commit(r.ctx, &b)
	if !errors.Is(err, ErrNotReplicated) || !store.Temporary(err) {
		t.Errorf("error %v, want a passing one: not on enough replicas", err)
	}
	sentinel.Replica().Thaw()
	r.again(func() error { return s.Commit(r.ctx, &b) })
	if b.Changes[0].Err != nil || b.Changes[0].State != task.Completed {
		t.Errorf("sent again: %+v", b.Changes[0])
	}
}

// TestServerFaults: a commit to a server that is full, read-only or down ends with a passing fault.
func TestServerFaults(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, server.Client(), Config{})
	r := start(t, s, 9, 9)
	commit := func() error {
		return s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: rand.Text(), Worker: "w", Max: 1}})
	}
	server.Client().ConfigSet(r.ctx, "maxmemory", "1")
	if err := commit(); !store.Temporary(err) {
		t.Errorf("out of memory: %v, want a passing fault", err)
	}
	server.Client().ConfigSet(r.ctx, "maxmemory", "0")
	r.ok(commit())
	server.Client().Do(r.ctx, "replicaof", "127.0.0.1", "1")
	if err := commit(); !store.Temporary(err) {
		t.Errorf("read-only replica: %v, want a passing fault", err)
	}
	server.Client().Do(r.ctx, "replicaof", "no", "one")
	r.ok(commit())
	server.Shutdown()
	if err := commit(); !store.Temporary(err) {
		t.Errorf("server down: %v, want a passing fault", err)
	}
}

// TestLostStore: if a plan that the store has seen is lost together with the key ids, the store
// reports once that the plan went back in time. For a plan that was removed, the store returns only
// store.ErrNotFound.
func TestLostStore(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	var reported []*WentBackError
	s := openStore(t, client, Config{OnWentBack: func(e *WentBackError) { reported = append(reported, e) }})
	removed, lost := busy(t, s), busy(t, s)
	removed.end()
	for more := true; more; {
		var err error
		more, err = s.Remove(t.Context(), removed.id)
		removed.ok(err)
	}
	if _, err := s.Plan(t.Context(), removed.id); !errors.Is(err, store.ErrNotFound) || len(reported) > 0 {
		t.Errorf("removed: error %v, told %v", err, reported)
	}
	client.FlushAll(t.Context())
	for i, call := range []func() error{
		func() error { _, err := s.Plan(t.Context(), lost.id); return err },
		func() error { return s.Commit(t.Context(), &store.Batch{Plan: lost.id}) },
	} {
		if err := call(); !errors.Is(err, store.ErrNotFound) || errors.Is(err, ErrWentBack) != (i == 0) || len(reported) != 1 {
			t.Errorf("call %d after the loss: error %v, told %v", i, err, reported)
		}
	}
}

// TestWentBack: the store reports once that a plan went back in time, and then continues from what
// is there.
func TestWentBack(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	var reported []*WentBackError
	s := openStore(t, client, Config{OnWentBack: func(e *WentBackError) { reported = append(reported, e) }})
	r := start(t, s, 3, 3)
	before := dump(t, client)
	r.claim("worker", 2)
	restore(t, client, before)
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: "next", Worker: "worker", Max: 1}}
	err := s.Commit(r.ctx, &b)
	var lost *WentBackError
	if !errors.Is(err, ErrWentBack) || !errors.As(err, &lost) || lost.Seen != 4 || lost.Found != 3 || len(reported) != 1 {
		t.Errorf("error %v, told %v, want that event 4 is gone", err, reported)
	}
	r.ok(s.Commit(r.ctx, &b))
	if len(b.Claimed) != 1 {
		t.Errorf("claimed %d tasks, want the one of the repeated claim", len(b.Claimed))
	}
	storetest.Check(t, s, r.id)
}

// dump returns the values of all keys.
func dump(t *testing.T, client *redis.Client) map[string]string {
	t.Helper()
	keys, err := client.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]string, len(keys))
	for _, k := range keys {
		values[k] = client.Dump(t.Context(), k).Val()
	}
	return values
}

// restore replaces all keys with those of a dump.
func restore(t *testing.T, client *redis.Client, values map[string]string) {
	t.Helper()
	client.FlushAll(t.Context())
	for k, v := range values {
		if err := client.Restore(t.Context(), k, 0, v).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHeartbeatBesideDeadNode: if a node is down, Heartbeat returns the tasks of the plans on other
// nodes, and an error only about the plan on the dead node.
func TestHeartbeatBesideDeadNode(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0, "--cluster-require-full-coverage", "no")
	o := cluster.Options()
	o.MaxRetries = -1
	client := redis.NewClusterClient(o)
	t.Cleanup(func() { _ = client.Close() })
	s := openStore(t, client, Config{})
	dead := cluster.Nodes()[0]
	on := func(name func(int) string) (lost, lives int) { // numbers whose keys are on the dead node and on another
		for lost, lives = 1, 1; cluster.MasterFor(name(lost)) != dead; lost++ {
		}
		for ; cluster.MasterFor(name(lives)) == dead; lives++ {
		}
		return lost, lives
	}
	lost, lives := on(func(n int) string { return s.keys.plan(plan.ID(n)) })
	var rollouts []*rollout
	for range max(lost, lives) {
		rollouts = append(rollouts, start(t, s, 2, 2))
	}
	_, n := on(func(n int) string { return s.keys.lease(fmt.Sprint("w", n)) })
	worker := fmt.Sprint("w", n)
	asked := []plan.ID{plan.ID(lost), plan.ID(lives)}
	rollouts[0].ok(s.Join(t.Context(), worker, time.Hour, store.Process{}))
	for _, id := range asked {
		rollouts[id-1].claim(worker, 1)
	}
	dead.Kill()
	held, err := s.Heartbeat(t.Context(), worker, time.Hour, asked)
	var partly *store.HeartbeatError
	if !errors.As(err, &partly) || len(partly.Faults) != 1 || !store.Temporary(partly.Faults[asked[0]]) {
		t.Errorf("error %v, want a passing one about plan %d alone", err, lost)
	}
	if len(held) != 1 || held[0].Task.Plan() != asked[1] {
		t.Errorf("held: %v, want the task of plan %d", held, lives)
	}
	if _, err := s.Heartbeat(t.Context(), worker, time.Hour, asked[:1]); !store.Temporary(err) {
		t.Errorf("error %v, want a passing one", err)
	}
}
