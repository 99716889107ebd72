package redisstore

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestMovingSlot: if a plan's slot moves to another node, key by key, while workers are busy, every
// task is still completed, and no key is written on the new node before the key has moved.
func TestMovingSlot(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 2, 0)
	s := openStore(t, cluster.Client(), Config{})
	r := start(t, s, 3000, 8)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.drive(8)
	}()
	from, to := cluster.MasterFor(s.keys.plan(r.id)), cluster.Nodes()[0]
	if to == from {
		to = cluster.Nodes()[1]
	}
	r.awaitCompleted(100)
	r.moveSlot(from, to, func() {
		if states, err := s.States(r.ctx, r.id, 0, 0); err != nil && !store.Temporary(err) {
			t.Errorf("%d states and error %v while the slot moves", len(states), err)
		}
	})
	<-done
	r.completed()
}

// awaitCompleted waits until n tasks are completed.
func (r *rollout) awaitCompleted(n int) {
	r.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		p, err := r.Plan(r.ctx, r.id)
		r.ok(err)
		if p.Counters.Of(task.Completed) >= n {
			return
		}
		if time.Now().After(end) {
			r.Fatalf("%d tasks are completed, want %d", p.Counters.Of(task.Completed), n)
		}
	}
}

// moveSlot moves the plan's slot to another node and calls look after each moved key. A key that is
// already on the other node, because something was written there too early, fails the test.
func (r *rollout) moveSlot(from, to *redistest.Server, look func()) {
	r.Helper()
	do := func(c *redis.Client, args ...any) string {
		r.Helper()
		answer, err := c.Do(r.ctx, args...).Text()
		if err != nil {
			r.Fatalf("%v: %v", args, err)
		}
		return answer
	}
	slot := from.Client().ClusterKeySlot(r.ctx, r.keys.plan(r.id)).Val()
	source, sink := do(from.Client(), "cluster", "myid"), do(to.Client(), "cluster", "myid")
	do(to.Client(), "cluster", "setslot", slot, "importing", source)
	do(from.Client(), "cluster", "setslot", slot, "migrating", sink)
	for {
		keys := from.Client().ClusterGetKeysInSlot(r.ctx, int(slot), 1).Val()
		if len(keys) == 0 {
			break
		}
		do(from.Client(), "migrate", "127.0.0.1", to.Port(), keys[0], 0, 5000)
		look()
	}
	do(to.Client(), "cluster", "setslot", slot, "node", sink)
	do(from.Client(), "cluster", "setslot", slot, "node", sink)
}
