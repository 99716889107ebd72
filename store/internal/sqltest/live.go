package sqltest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cutover-go/cutover/store"
)

// Live lets workers with one task each, so many at a time, bring all tasks of a plan to their ends,
// with a checkpoint of 200 bytes after the first two of three steps. It measures the time, and
// reports it as tasks/s.
func (o *Operator) Live(b *testing.B, workers int) {
	b.Helper()
	b.ResetTimer()
	var left, claims atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	for range workers {
		group.Go(func() { o.live(&left, &claims) })
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
}

// live works as one worker of a task at a time until none is left.
func (o *Operator) live(left, claims *atomic.Int64) {
	data := make([]byte, 200)
	var next store.Batch
	for {
		if next.Claim = (store.Claim{}); left.Add(-1) >= 0 {
			next.Claim = store.Claim{ID: fmt.Sprint("c", claims.Add(1)), Worker: "worker", Max: 1}
		}
		next.Plan = o.ID
		o.try(&next)
		if len(next.Claimed) == 0 {
			return
		}
		t := next.Claimed[0]
		for seq := uint32(1); seq <= 2; seq++ {
			o.try(Saves(o.ID, next.Claimed[:1], seq, "STEP", data))
		}
		next.Changes = append(next.Changes[:0], store.Change{Task: t.ID, Token: t.Token, Seq: 3, Kind: store.Complete})
	}
}

// try is Work for goroutines other than the test's.
func (o *Operator) try(b *store.Batch) {
	err := o.store().Commit(o.Ctx, b)
	for i := range b.Changes {
		if err == nil {
			err = b.Changes[i].Err
		}
	}
	if err != nil {
		o.Error(err)
	}
}
