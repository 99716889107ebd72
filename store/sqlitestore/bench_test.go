package sqlitestore

import (
	"fmt"
	"os"
	"testing"
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
			o.Live(b, flight)
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
