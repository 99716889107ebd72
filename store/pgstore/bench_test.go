package pgstore

import (
	"fmt"
	"testing"
	"time"
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
				o.Live(b, flight)
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
