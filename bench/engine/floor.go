package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// floor does only the work in Redis: it keeps the tasks in hashes of 64, makes one script call for
// all transitions that wait, compares and sets a version, and adds one event per batch.
type floor struct{}

const (
	floorBatch = 100
	floorConns = 2
)

// floorScript makes transitions. KEYS: events, then a bucket for each transition. ARGV: the field,
// the version before and the value for each. Returns the number of transitions made.
const floorScript = `
local applied, changed = 0, {}
for i = 2, #KEYS do
  local a = (i - 2) * 3
  local old = redis.call('HGET', KEYS[i], ARGV[a + 1])
  if old and string.sub(old, 1, 1) == ARGV[a + 2] then
    redis.call('HSET', KEYS[i], ARGV[a + 1], ARGV[a + 3])
    applied = applied + 1
    changed[applied] = ARGV[a + 1]
  end
end
redis.call('XADD', KEYS[1], '*', 'e', table.concat(changed, ' '))
return applied`

type transition struct {
	task, version int
	done          chan error
}

func (floor) name() string { return "floor" }

func (floor) run(ctx context.Context, addr string, n, concurrency int, m *meter) error {
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	if err := floorCreate(ctx, rdb, n); err != nil {
		return err
	}
	m.tasksCreated()
	queue := make(chan transition, concurrency)
	var senders sync.WaitGroup
	for range floorConns {
		senders.Go(func() { floorSend(ctx, rdb, queue) })
	}
	var failed atomic.Pointer[error]
	var next atomic.Int64
	var workers sync.WaitGroup
	for range concurrency {
		workers.Go(func() {
			done := make(chan error, 1)
			for i := next.Add(1) - 1; i < int64(n) && failed.Load() == nil; i = next.Add(1) - 1 {
				for version := range 4 {
					queue <- transition{task: int(i), version: version, done: done}
					if err := <-done; err != nil {
						failed.Store(&err)
					}
				}
			}
		})
	}
	workers.Wait()
	m.tasksDone()
	close(queue)
	senders.Wait()
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}

func floorBucket(task int) string { return "{p}:" + strconv.Itoa(task>>6) }

func floorCreate(ctx context.Context, rdb *redis.Client, n int) error {
	for first := 0; first < n; first += 1000 {
		pipe := rdb.Pipeline()
		for i := first; i < min(first+1000, n); i++ {
			pipe.HSet(ctx, floorBucket(i), i&63, "0")
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}

// states reads the buckets, 16 in each round trip.
func (floor) states(ctx context.Context, addr string, n int) (done int, err error) {
	rdb := redis.NewClient(&redis.Options{Addr: addr})
	defer rdb.Close()
	for first := 0; first < n; first += 64 * 16 {
		pipe := rdb.Pipeline()
		var buckets []*redis.MapStringStringCmd
		for i := first; i < min(first+64*16, n); i += 64 {
			buckets = append(buckets, pipe.HGetAll(ctx, floorBucket(i)))
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return done, err
		}
		for _, b := range buckets {
			for _, v := range b.Val() {
				if v[0] == '4' {
					done++
				}
			}
		}
	}
	return done, nil
}

// floorSend sends the waiting transitions, in batches of up to floorBatch, each batch as soon as
// the previous answer has arrived.
func floorSend(ctx context.Context, rdb *redis.Client, queue <-chan transition) {
	script := redis.NewScript(floorScript)
	for t := range queue {
		batch := []transition{t}
	gather:
		for len(batch) < floorBatch {
			select {
			case t, ok := <-queue:
				if !ok {
					break gather
				}
				batch = append(batch, t)
			default:
				break gather
			}
		}
		err := floorApply(ctx, rdb, script, batch)
		for _, t := range batch {
			t.done <- err
		}
	}
}

// floorApply makes the transitions in one script call.
func floorApply(ctx context.Context, rdb *redis.Client, script *redis.Script, batch []transition) error {
	keys := append(make([]string, 0, len(batch)+1), "{p}:events")
	args := make([]any, 0, 3*len(batch))
	for _, t := range batch {
		value := strconv.Itoa(t.version + 1)
		if t.version > 0 {
			value += payload()
		}
		keys = append(keys, floorBucket(t.task))
		args = append(args, t.task&63, strconv.Itoa(t.version), value)
	}
	applied, err := script.Run(ctx, rdb, keys, args...).Int()
	if err == nil && applied != len(batch) {
		err = fmt.Errorf("%d of %d transitions", applied, len(batch))
	}
	return err
}
