package cutover_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// The benchmarks here run one plan of b.N tasks on 64 workers. A task has three no-op steps and
// saves a 200-byte checkpoint after each of the first two: with its claim and its completion, it
// makes four durable transitions. BenchmarkFloor makes the same transitions with only a map, a
// mutex and a worker pool. docs/performance.md has the figures; to reproduce them:
//
//	go test -run='^$' -bench='Engine|Floor' -benchtime=100000x -count=6 .
//
// BenchmarkTenWaves runs the same plan in ten waves of equal size, so that what waves cost shows
// beside BenchmarkEngine.

const workers = 64

// meter reports the figures by which benchmarks are compared.
type meter struct {
	b    *testing.B
	cpu  time.Duration
	live uint64
}

func startMeter(b *testing.B) *meter {
	b.Helper()
	b.ReportAllocs()
	m := &meter{b: b, live: liveBytes(), cpu: cpuTime()}
	b.ResetTimer()
	return m
}

// stop reports the figures. keep must reference everything that the tasks have left in memory.
func (m *meter) stop(keep any) {
	m.b.Helper()
	m.b.StopTimer()
	n := float64(m.b.N)
	m.b.ReportMetric(n/m.b.Elapsed().Seconds(), "tasks/s")
	m.b.ReportMetric(float64(cpuTime()-m.cpu)/n, "cpu-ns/task")
	m.b.ReportMetric((float64(liveBytes())-float64(m.live))/n, "live-B/task")
	m.b.ReportMetric(float64(usage().Maxrss)/1024, "MiB-resident")
	runtime.KeepAlive(keep)
}

func liveBytes() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func usage() syscall.Rusage {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u
}

func cpuTime() time.Duration {
	u := usage()
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// tenantIDs returns the ids of n tenants. A host has the ids in memory anyway, so the benchmark
// does not count them.
func tenantIDs(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("tenant-%07d", i)
	}
	return ids
}

var payload = json.RawMessage(`"` + strings.Repeat("x", 198) + `"`) //nolint:gochecknoglobals // never changes

func BenchmarkEngine(b *testing.B) { benchmarkEngine(b) }

func BenchmarkTenWaves(b *testing.B) { benchmarkEngine(b, strategy.Percent(10)) }

func benchmarkEngine(b *testing.B, waveSizes ...strategy.Amount) {
	b.Helper()
	e, err := cutover.New(memstore.New(), cutover.Config{
		Capacity: workers,
		Executors: executor.Registry{"X": executor.Func(func(ctx context.Context, run *executor.Run) error {
			var data any = payload
			for _, step := range [...]string{"one", "two"} {
				if err := run.Save(ctx, step, data); err != nil {
					return err
				}
			}
			return nil
		})},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}()
	spec := plan.Spec{
		Name: "bench", ExecutorType: "X", Tenants: plan.Tenants(tenantIDs(b.N)...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(workers), WaveSizes: waveSizes},
	}
	m := startMeter(b)
	p, err := e.Create(ctx, spec)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := e.Start(ctx, p.ID); err != nil {
		b.Fatal(err)
	}
	if p, err = e.Wait(ctx, p.ID); err != nil || p.State != plan.Completed {
		b.Fatal(p.State, err)
	}
	m.stop(e)
}

// floorTask is what BenchmarkFloor stores for a task.
type floorTask struct {
	state      byte
	version    uint32
	updated    int64
	checkpoint []byte
}

func BenchmarkFloor(b *testing.B) {
	ids := tenantIDs(b.N)
	m := startMeter(b)
	var mu sync.Mutex
	tasks := make(map[string]*floorTask, len(ids))
	for _, id := range ids {
		tasks[id] = &floorTask{state: 'P'}
	}
	commit := func(id string, version uint32, state byte, checkpoint []byte) {
		at := time.Now().UnixNano()
		mu.Lock()
		defer mu.Unlock()
		t := tasks[id]
		if t.version != version {
			panic("refused")
		}
		t.state, t.version, t.updated = state, version+1, at
		if checkpoint != nil {
			t.checkpoint = append([]byte(nil), checkpoint...)
		}
	}
	queue := make(chan string, 256)
	var pool sync.WaitGroup
	for range workers {
		pool.Go(func() {
			for id := range queue {
				commit(id, 0, 'R', nil)
				commit(id, 1, 'R', payload)
				commit(id, 2, 'R', payload)
				commit(id, 3, 'C', nil)
			}
		})
	}
	for _, id := range ids {
		queue <- id
	}
	close(queue)
	pool.Wait()
	m.stop(tasks)
}
