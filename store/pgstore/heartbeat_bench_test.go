package pgstore

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/store"
)

// BenchmarkHeartbeat renews a lease, as every process does all the time.
//
//	go test ./store/pgstore -run '^$' -bench Heartbeat
func BenchmarkHeartbeat(b *testing.B) {
	for name, prepare := range map[string]bool{"prepare": true, "plain": false} {
		b.Run(name, func(b *testing.B) {
			s := newSchemas(b).open(b, Config{Prepare: prepare})
			if err := s.Join(b.Context(), "process", time.Hour, store.Process{}); err != nil {
				b.Fatal(err)
			}
			b.ResetTimer()
			for range b.N {
				if _, err := s.Heartbeat(b.Context(), "process", time.Hour, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
