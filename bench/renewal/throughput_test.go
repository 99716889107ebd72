package bench

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal"
)

const (
	keys   = 500_000
	rounds = 4
	span   = 4 * time.Second
	ttl    = time.Hour
)

// BenchmarkThroughput measures how many keys per second a service renews when all are due together,
// with and without a token, and how many its rivals renew.
func BenchmarkThroughput(b *testing.B) {
	server := redistest.Start(b)
	rdb := server.Client()
	fill(b, rdb, keys, "me", ttl)

	unchecked := burst(b, rdb, "", renewal.Config{})
	fresh := burst(b, rdb, "", renewal.Config{FreshCommands: true})
	checked := burst(b, rdb, "me", renewal.Config{})
	floor := redisBenchmark(b, server.Port())
	pipeline := plainPipeline(b, rdb)
	lock1 := lockRefresh(b, server.Options(), 1)
	lock256 := lockRefresh(b, server.Options(), 256)

	b.ReportMetric(unchecked.rate(), "unchecked/s")
	b.ReportMetric(checked.rate(), "checked/s")
	b.ReportMetric(unchecked.rate()/floor, "unchecked-x-redis-benchmark")
	b.ReportMetric(unchecked.rate()/pipeline.rate(), "unchecked-x-pipeline")
	b.ReportMetric(fresh.rate()/pipeline.rate(), "fresh-x-pipeline")
	b.ReportMetric(checked.rate()/unchecked.rate(), "checked-x-unchecked")
	b.ReportMetric(checked.rate()/lock256.rate(), "checked-x-redislock-256")
	b.ReportMetric(checked.rate()/lock1.rate(), "checked-x-redislock-1")
	b.ReportMetric(unchecked.cpuPerOp(), "cpu-ns/unchecked")
	b.ReportMetric(checked.cpuPerOp(), "cpu-ns/checked")
	b.ReportMetric(lock256.cpuPerOp(), "cpu-ns/redislock-256")
	b.ReportMetric(checked.cpuPerOp()/lock256.cpuPerOp(), "checked-cpu-x-redislock")
	b.ReportMetric(unchecked.cpuPerOp()/lock256.cpuPerOp(), "unchecked-cpu-x-redislock")
}

// burst makes all keys due together and measures until all are renewed, several times.
func burst(b *testing.B, rdb redis.UniversalClient, owner string, cfg renewal.Config) (sum figures) {
	b.Helper()
	p := &renewal.Policy{TTL: renewal.FixedTTL(ttl), Interval: renewal.Every(ttl / 4), RenewAtOnce: true}
	for range rounds {
		s, err := renewal.New(rdb, cfg)
		if err != nil {
			b.Fatal(err)
		}
		registerAll(b, s, keys, owner, p)
		heap() // collects the garbage of the registration first
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		c, began := cpu(b), time.Now()
		go func() { done <- s.Run(ctx) }()
		for s.Stats().Renewed < keys {
			time.Sleep(time.Millisecond)
		}
		sum.ops += keys
		sum.wall += time.Since(began)
		sum.cpu += cpu(b) - c
		st := s.Stats()
		cancel()
		if err := <-done; err != nil || st.Lost+st.Failed > 0 {
			b.Fatalf("%v, %+v", err, st)
		}
	}
	return sum
}

// redisBenchmark returns the floor: the rate of PEXPIRE in pipelines of 100.
func redisBenchmark(b *testing.B, port int) float64 {
	b.Helper()
	out, err := exec.CommandContext(context.Background(), "redis-benchmark", "-p", strconv.Itoa(port), "-P", "100",
		"-n", "4000000", "-r", strconv.Itoa(keys), "--csv", "PEXPIRE", "lease:__rand_int__", "3600000").Output()
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	fields := strings.Split(lines[len(lines)-1], ",")
	rate, err := strconv.ParseFloat(strings.Trim(fields[1], `"`), 64)
	if err != nil {
		b.Fatalf("%v in %s", err, out)
	}
	return rate
}

// plainPipeline renews as a user would with the client alone: in pipelines of 1000, one after the
// other.
func plainPipeline(b *testing.B, rdb redis.UniversalClient) figures {
	b.Helper()
	c, began := cpu(b), time.Now()
	var n int64
	for i := 0; time.Since(began) < span; {
		pipe := rdb.Pipeline()
		for range 1000 {
			pipe.PExpire(context.Background(), keyName(i%keys), ttl)
			i++
		}
		if _, err := pipe.Exec(context.Background()); err != nil {
			b.Fatal(err)
		}
		n += 1000
	}
	return figures{ops: n, wall: time.Since(began), cpu: cpu(b) - c}
}

// lockRefresh refreshes locks of the library one by one from several goroutines.
func lockRefresh(b *testing.B, opt *redis.Options, goroutines int) figures {
	b.Helper()
	ctx := context.Background()
	opt.PoolSize = goroutines
	rdb := redis.NewClient(opt)
	defer func() { _ = rdb.Close() }()
	locker := redislock.New(rdb)
	locks := make([]*redislock.Lock, goroutines*4)
	for i := range locks {
		lock, err := locker.Obtain(ctx, "redislock:"+strconv.Itoa(i), ttl, nil)
		if err != nil {
			b.Fatal(err)
		}
		locks[i] = lock
	}
	defer func() {
		for _, lock := range locks {
			_ = lock.Release(ctx)
		}
	}()
	var n atomic.Int64
	var wg sync.WaitGroup
	c, began := cpu(b), time.Now()
	for g := range goroutines {
		wg.Go(func() {
			for i := 0; time.Since(began) < span; i++ {
				if err := locks[g*4+i%4].Refresh(ctx, ttl, nil); err != nil {
					b.Error(err)
					return
				}
				n.Add(1)
			}
		})
	}
	wg.Wait()
	return figures{ops: n.Load(), wall: time.Since(began), cpu: cpu(b) - c}
}
