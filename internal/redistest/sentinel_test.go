package redistest_test

import (
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
)

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*redistest.Sentinel, *redistest.Server) *redistest.Server{
		"ordered": func(s *redistest.Sentinel, _ *redistest.Server) *redistest.Server {
			return s.FailoverNow()
		},
		"master killed": func(s *redistest.Sentinel, master *redistest.Server) *redistest.Server {
			master.Kill()
			return s.WaitFailover(master)
		},
		"master frozen": func(s *redistest.Sentinel, master *redistest.Server) *redistest.Server {
			master.Freeze()
			return s.WaitFailover(master)
		},
	}
	for name, failover := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sentinel := redistest.StartSentinel(t)
			old, replica := sentinel.Master(), sentinel.Replica()
			set(t, sentinel.Client(), "before", "the failover")
			if got := failover(sentinel, old); got != replica {
				t.Fatalf("the new master is %s, want %s", got.Addr(), replica.Addr())
			}
			if sentinel.Master() != replica || sentinel.Replica() != old {
				t.Error("master and replica have not changed places")
			}
			eventually(t, "the client follows the new master", func() bool {
				return sentinel.Client().Set(t.Context(), "after", "the failover", 0).Err() == nil
			})
			if got := get(t, replica.Client(), "after"); got != "the failover" {
				t.Errorf("the new master has after = %q", got)
			}
		})
	}
}
