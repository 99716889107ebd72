package memstore_test

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// running creates and starts a plan of n tenants that may run all its tasks concurrently.
func running(tb testing.TB, s *memstore.Store, n int) plan.ID {
	tb.Helper()
	ctx := tb.Context()
	must := func(err error) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
	}
	c, err := s.BeginCreate(ctx, store.Create{Mark: "mark", Plan: plan.Plan{
		Name: "plan", ExecutorType: "X", TaskCount: n,
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Percent(100)},
	}})
	must(err)
	for first := 1; first <= n; first += store.MaxBatch {
		batch := make([]task.Tenant, min(store.MaxBatch, n+1-first))
		for i := range batch {
			batch[i].ID = fmt.Sprintf("tenant-%d", first+i)
		}
		must(s.AddTenants(ctx, c, first, batch))
	}
	must(s.FinishCreate(ctx, c))
	for i, step := range []func(plan.Plan, plan.By) (plan.Decision, error){
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.MarkStarting(1, time.Minute, by) },
		plan.Plan.Start,
	} {
		p, err := s.Plan(ctx, c.ID)
		must(err)
		d, err := step(p, plan.By{})
		must(err)
		_, err = s.Apply(ctx, store.Command{ID: fmt.Sprint(i), Version: p.Version, Failed: -1, Decision: d})
		must(err)
	}
	return c.ID
}

// BenchmarkTask takes a task through its life in 4 commits: claim, two saves, completion. Two
// workers share one plan; batch is the number of tasks per commit.
//
//	go test ./store/memstore -run '^$' -bench Task -benchtime 400000x
func BenchmarkTask(b *testing.B) {
	for _, batch := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) { benchmarkTasks(b, batch) })
	}
}

func benchmarkTasks(b *testing.B, batch int) {
	b.Helper()
	const size, workers = 200_000, 2
	ids := make([]string, 1<<16) // more claims than a plan remembers
	for i := range ids {
		ids[i] = fmt.Sprintf("claim-%d", i)
	}
	var claims atomic.Uint32
	b.ReportAllocs()
	for remaining := b.N; remaining > 0; remaining -= size {
		b.StopTimer()
		n := min(size, remaining)
		s := memstore.New()
		id := running(b, s, n)
		b.StartTimer()
		var group sync.WaitGroup
		for i := range workers {
			group.Go(func() {
				w := lives{b: b, s: s, batch: store.Batch{Plan: id}, data: make([]byte, 200)}
				for left := n/workers + i*(n%workers); left > 0; left -= min(batch, left) {
					w.run(ids[claims.Add(1)%uint32(len(ids))], min(batch, left))
				}
			})
		}
		group.Wait()
		if p, err := s.Plan(b.Context(), id); err != nil || p.Counters.Of(task.Completed) != n {
			b.Fatalf("%d tasks of %d are completed, %v", p.Counters.Of(task.Completed), n, err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// lives is a worker that takes tasks through their lives.
type lives struct {
	b     *testing.B
	s     *memstore.Store
	batch store.Batch
	data  []byte // the data of every checkpoint
}

func (w *lives) run(claim string, n int) {
	w.batch.Changes = w.batch.Changes[:0]
	w.batch.Claim = store.Claim{ID: claim, Worker: "worker", Max: n}
	w.commit()
	if len(w.batch.Claimed) != n {
		w.b.Errorf("claimed %d tasks, want %d", len(w.batch.Claimed), n)
	}
	claimed := w.batch.Claimed
	w.batch.Claim = store.Claim{}
	for seq, kind := range []store.ChangeKind{store.Save, store.Save, store.Complete} {
		w.batch.Changes = w.batch.Changes[:0]
		for i := range claimed {
			work := store.Change{Task: claimed[i].ID, Token: claimed[i].Token, Seq: uint32(seq + 1), Kind: kind}
			if kind == store.Save {
				work.Step, work.Data = "STEP", w.data
			}
			w.batch.Changes = append(w.batch.Changes, work)
		}
		w.commit()
	}
}

func (w *lives) commit() {
	if err := w.s.Commit(w.b.Context(), &w.batch); err != nil {
		w.b.Error(err)
	}
}

// BenchmarkMemory reports the memory of a task with its tenant's name, and of a finished task with
// its two events as well.
//
//	go test ./store/memstore -run '^$' -bench Memory -benchtime 1x
func BenchmarkMemory(b *testing.B) {
	const n = 200_000
	for range b.N {
		before := live()
		s := memstore.New()
		id := running(b, s, n)
		created := live()
		w := store.Batch{Plan: id}
		for i := 0; ; i++ {
			w.Claim = store.Claim{ID: fmt.Sprint(i), Worker: "worker", Max: store.MaxBatch}
			if err := s.Commit(b.Context(), &w); err != nil {
				b.Fatal(err)
			}
			if len(w.Changes) == 0 && len(w.Claimed) == 0 {
				break
			}
			w.Changes = w.Changes[:0]
			for _, t := range w.Claimed {
				w.Changes = append(w.Changes, store.Change{Task: t.ID, Token: t.Token, Seq: 1, Kind: store.Complete})
			}
		}
		b.ReportMetric(float64(created-before)/n, "B/pending")
		b.ReportMetric(float64(live()-before)/n, "B/finished")
		runtime.KeepAlive(s)
	}
}

// live returns the number of reachable bytes.
func live() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
