package bench

import (
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/wheel"
	"github.com/cutover-go/cutover/renewal"
)

const million = 1_000_000

// BenchmarkTimerAddCancel adds and cancels a timer while a million are live.
func BenchmarkTimerAddCancel(b *testing.B) {
	const ops = 3 * million
	nothing := func() {}
	live := make([]*time.Timer, million)
	for i := range live {
		live[i] = time.AfterFunc(time.Hour+time.Duration(rand.Int64N(int64(time.Hour))), nothing)
	}
	began := time.Now()
	for i := range ops {
		time.AfterFunc(time.Hour+time.Duration(i)*time.Millisecond, nothing).Stop()
	}
	rival := float64(time.Since(began)) / ops
	for _, t := range live {
		t.Stop()
	}
	live = nil
	runtime.GC()

	w, v := wheel.New[*int](0), new(int)
	for range million {
		w.Add(rand.Uint64N(1000), v)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began = time.Now()
	for i := range uint64(ops) {
		w.Cancel(w.Add((i*389)%1000, v))
	}
	ours := float64(time.Since(began)) / ops
	runtime.ReadMemStats(&after)
	b.ReportMetric(ours, "ns/timer")
	b.ReportMetric(rival, "ns/AfterFunc")
	b.ReportMetric(ours/rival, "x-AfterFunc")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/ops, "allocs/timer")
}

// BenchmarkTimerPeriodic measures the processor time per fire of half a million timers that fire
// every second. The callbacks of both contestants only count.
func BenchmarkTimerPeriodic(b *testing.B) {
	const n, span = 500_000, 5 * time.Second
	rival := periodicAfterFunc(b, n, span)
	ours := periodicWheel(b, n, span)
	b.ReportMetric(ours.cpuPerOp(), "ns/fire")
	b.ReportMetric(rival.cpuPerOp(), "ns/AfterFunc")
	b.ReportMetric(ours.cpuPerOp()/rival.cpuPerOp(), "x-AfterFunc")
}

func periodicAfterFunc(b *testing.B, n int, span time.Duration) figures {
	b.Helper()
	var fired atomic.Int64
	var stopped atomic.Bool
	timers := make([]*time.Timer, n)
	for i := range timers {
		ready := make(chan struct{})
		timers[i] = time.AfterFunc(time.Second+time.Duration(rand.Int64N(int64(time.Second))), func() {
			<-ready
			fired.Add(1)
			if !stopped.Load() {
				timers[i].Reset(time.Second)
			}
		})
		close(ready)
	}
	time.Sleep(2 * time.Second)
	f := during(b, span, fired.Load)
	stopped.Store(true)
	for _, t := range timers {
		t.Stop()
	}
	return f
}

func periodicWheel(b *testing.B, n int, span time.Duration) figures {
	b.Helper()
	const tick, turn = 10 * time.Millisecond, 100
	w := wheel.New[*int](0)
	for range n {
		w.Add(rand.Uint64N(turn), new(int))
	}
	var fired atomic.Int64
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		out := make([]*int, 0, 1024)
		alarm := time.NewTimer(0)
		began := time.Now()
		for next := uint64(1); ; {
			alarm.Reset(time.Duration(next)*tick - time.Since(began))
			select {
			case <-stop:
				return
			case <-alarm.C:
			}
			for more := true; more; {
				out, more = w.Advance(next, out[:0])
				for _, v := range out {
					w.Add(w.Now()+turn, v)
				}
				fired.Add(int64(len(out)))
			}
			next, _ = w.Next()
		}
	}()
	time.Sleep(2 * time.Second)
	f := during(b, span, fired.Load)
	close(stop)
	<-done
	return f
}

// BenchmarkTimerMemory measures how many bytes a timer takes when there are a million. The timers
// of both contestants refer to the task they belong to.
func BenchmarkTimerMemory(b *testing.B) {
	tasks := make([]int, million)
	before := heap()
	live := make([]*time.Timer, million)
	for i := range live {
		task := &tasks[i]
		live[i] = time.AfterFunc(time.Hour+time.Duration(i), func() { *task++ })
	}
	rival := float64(heap()-before)/million - 8 // less the 8 bytes per timer of this test's own slice
	for _, t := range live {
		t.Stop()
	}
	runtime.KeepAlive(live)
	live = nil

	before = heap()
	w := wheel.New[*int](0)
	for i := range tasks {
		w.Add(rand.Uint64N(1000), &tasks[i])
	}
	ours := float64(heap()-before) / million
	runtime.KeepAlive(w)
	b.ReportMetric(ours, "B/timer")
	b.ReportMetric(rival, "B/AfterFunc")
	b.ReportMetric(ours/rival, "x-AfterFunc")
}

// BenchmarkTaskMemory measures how many bytes a registered task takes when there are a million,
// with its timer and its place in the registry, but without the strings of its id and key.
func BenchmarkTaskMemory(b *testing.B) {
	rdb := redis.NewClient(&redis.Options{})
	defer func() { _ = rdb.Close() }()
	s, err := renewal.New(rdb, renewal.Config{})
	if err != nil {
		b.Fatal(err)
	}
	keys := make([]string, million)
	for i := range keys {
		keys[i] = keyName(i)
	}
	p := &renewal.Policy{TTL: renewal.FixedTTL(30 * time.Second)}
	before := heap()
	for i := range keys {
		if _, err := s.Register(renewal.Task{ID: keys[i], Keys: keys[i : i+1], Owner: "me", Policy: p}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(heap()-before)/million, "B/task")
	runtime.KeepAlive(s)
	runtime.KeepAlive(keys)
}
