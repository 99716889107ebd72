package redisstore

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// TestStatesOfDamagedTasks: if a bucket or a head is lost or malformed, States reports the key on
// the page with the damage, and returns the other pages.
func TestStatesOfDamagedTasks(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for name, damage := range map[string]func(r *rollout, bucket string) *redis.IntCmd{
		"bucket that is gone": func(r *rollout, bucket string) *redis.IntCmd { return client.Del(r.ctx, bucket) },
		"bucket of another type": func(r *rollout, bucket string) *redis.IntCmd {
			client.Del(r.ctx, bucket)
			return client.RPush(r.ctx, bucket, "in the way")
		},
		"head that is gone":     func(r *rollout, bucket string) *redis.IntCmd { return client.HDel(r.ctx, bucket, "2") },
		"head that is none":     func(r *rollout, bucket string) *redis.IntCmd { return client.HSet(r.ctx, bucket, "2", "Cut off") },
		"head of another state": func(r *rollout, bucket string) *redis.IntCmd { return client.HSet(r.ctx, bucket, "2", "Q0 1 1 1 0") },
		"head of nothing":       func(r *rollout, bucket string) *redis.IntCmd { return client.HSet(r.ctx, bucket, "2", "") },
	} {
		r := busy(t, s)
		bucket := s.keys.tasks(r.id, 0)
		r.ok(damage(r, bucket).Err())
		var corrupt *store.CorruptError
		if _, err := s.States(r.ctx, r.id, 0, 0); !errors.As(err, &corrupt) || corrupt.Key != bucket {
			t.Errorf("%s: error %v, want one that names %s", name, err, bucket)
		}
		if states, err := s.States(r.ctx, r.id, 64, 0); err != nil || len(states) != 6 {
			t.Errorf("%s: %d states of the next bucket, %v", name, len(states), err)
		}
	}
}

// TestStatesBehindAnotherType: States reports a key of the wrong type that stands in place of a
// bucket of tasks that were never touched.
func TestStatesBehindAnotherType(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	bucket := s.keys.tasks(r.id, 1)
	r.ok(client.Set(r.ctx, bucket, "in the way", 0).Err())
	var corrupt *store.CorruptError
	if _, err := s.States(r.ctx, r.id, 0, 0); !errors.As(err, &corrupt) || corrupt.Key != bucket {
		t.Errorf("error %v, want one that names %s", err, bucket)
	}
	if states, err := s.States(r.ctx, r.id, 0, 64); err != nil || len(states) != 64 {
		t.Errorf("%d states of the bucket before, %v", len(states), err)
	}
}

// TestStatesOfDamagedPlan: if the record or a part of it is lost, States reports the record.
func TestStatesOfDamagedPlan(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := busy(t, s)
	record := s.keys.plan(r.id)
	for name, damage := range map[string]func(){
		"no facts":  func() { client.HDel(r.ctx, record, "facts") },
		"no record": func() { client.Del(r.ctx, record) },
	} {
		damage()
		var corrupt *store.CorruptError
		if _, err := s.States(r.ctx, r.id, 0, 0); !errors.As(err, &corrupt) || corrupt.Key != record {
			t.Errorf("%s: error %v, want one that names %s", name, err, record)
		}
	}
}

// BenchmarkReadAll measures a read of 50,000 finished tasks, as states and as tasks.
//
//	go test -run='^$' -bench=ReadAll -benchtime=10x ./store/redisstore
func BenchmarkReadAll(b *testing.B) {
	const n = 50_000
	r := start(b, openStore(b, redistest.Start(b).Client(), Config{}), n, store.MaxBatch)
	r.ok(r.Join(r.ctx, "worker", time.Hour, store.Process{}))
	batch := store.Batch{Plan: r.id, Claim: store.Claim{ID: "0", Worker: "worker", Max: store.MaxBatch}}
	for r.ok(r.Commit(r.ctx, &batch)); len(batch.Claimed) > 0; r.ok(r.Commit(r.ctx, &batch)) {
		batch.Changes, batch.Claim.ID = batch.Changes[:0], rand.Text()
		for _, t := range batch.Claimed {
			batch.Changes = append(batch.Changes, store.Change{Task: t.ID, Token: t.Token, Seq: 1, Kind: store.Complete})
		}
	}
	b.Run(fmt.Sprintf("states/%d", store.MaxStates), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			states := make([]task.State, 0, n)
			for len(states) < n {
				page, err := r.States(r.ctx, r.id, len(states), 0)
				r.ok(err)
				states = append(states, page...)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/(n/store.MaxStates), "µs/call")
	})
	b.Run(fmt.Sprintf("tasks/%d", store.MaxPage), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for after, more := 0, true; more; more = after > 0 {
				_, next, err := r.Tasks(r.ctx, r.id, store.TaskQuery{After: after})
				r.ok(err)
				after = next
			}
		}
	})
}
