package pgstore

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
)

// BenchmarkTask takes tasks through their lives in three commits each: two saves, and the
// completion with the claim of the next task, as a worker does it. Every commit is on the disk
// before it is answered. hot is the share of the updates of tasks that touched no index.
//
//	go test ./store/pgstore -run '^$' -bench Task -benchtime 20000x
func BenchmarkTask(b *testing.B) {
	for _, prepare := range []bool{false, true} {
		for _, flight := range []int{1, 64, 512} {
			b.Run(fmt.Sprintf("prepare=%v/flight=%d", prepare, flight), func(b *testing.B) {
				server := newSchemas(b, "fsync=on")
				s := server.open(b, Config{Prepare: prepare})
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
				hot(b, server, o)
			})
		}
	}
}

// hot reports the share of the updates of tasks that touched no index.
func hot(b *testing.B, server *schemas, o *operator) {
	b.Helper()
	if err := o.Close(); err != nil { // its connections tell the statistics when they end
		b.Fatal(err)
	}
	time.Sleep(time.Second)
	r := o.query(server, "SELECT (n_tup_hot_upd / greatest(n_tup_upd, 1)::float8) AS hot FROM pg_stat_user_tables WHERE relname = 'task' AND schemaname = '"+o.cfg.Schema+"'")
	b.ReportMetric(r[0]["hot"].(float64), "hot")
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
