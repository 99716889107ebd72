package sqlitestore

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cutover-go/cutover/store"
)

// BenchmarkTask takes tasks through their lives in three commits each: two saves, and the
// completion with the claim of the next task, as a worker does it. Every commit is on the disk
// before it is answered.
//
//	go test ./store/sqlitestore -run '^$' -bench Task -benchtime 50000x
func BenchmarkTask(b *testing.B) {
	for _, flight := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("flight=%d", flight), func(b *testing.B) {
			s := open(b, newFile(b), Config{})
			o := start(b, s, b.N)
			b.ResetTimer()
			var left, claims atomic.Int64
			left.Store(int64(b.N))
			var group sync.WaitGroup
			for range flight {
				group.Go(func() { live(o, &left, &claims) })
			}
			group.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			copied := newFile(b) // without what is free in the file
			if err := s.Backup(b.Context(), copied); err != nil {
				b.Fatal(err)
			}
			if info, err := os.Stat(copied); err == nil {
				b.ReportMetric(float64(info.Size())/float64(b.N), "B/task")
			}
		})
	}
}

// live works as one worker of a task at a time until none is left.
func live(o *operator, left, claims *atomic.Int64) {
	data := make([]byte, 200)
	var next store.Batch
	for {
		if next.Claim = (store.Claim{}); left.Add(-1) >= 0 {
			next.Claim = store.Claim{ID: fmt.Sprint("c", claims.Add(1)), Worker: "worker", Max: 1}
		}
		next.Plan = o.id
		if err := o.Commit(o.ctx, &next); err != nil {
			o.Error(err)
		}
		if len(next.Claimed) == 0 {
			return
		}
		t := next.Claimed[0]
		for seq := uint32(1); seq <= 2; seq++ {
			o.commitOne(saves(o.id, next.Claimed[:1], seq, "STEP", data))
		}
		next.Changes = append(next.Changes[:0], store.Change{Task: t.ID, Token: t.Token, Seq: 3, Kind: store.Complete})
	}
}

func (o *operator) commitOne(b *store.Batch) {
	if err := o.Commit(o.ctx, b); err != nil || b.Changes[0].Err != nil {
		o.Errorf("commit: %v, %v", err, b.Changes[0].Err)
	}
}
