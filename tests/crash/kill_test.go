//go:build crash

package crash

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// kills returns the rows about workers that die.
func kills(t *testing.T) []row {
	t.Helper()
	all := crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{
			{
				Name: "kill -9", Extent: crashtest.Quick, Do: killAnytime(w),
				Expect: "the other takes over within 1.5 leases and goes on to the end",
			},
			{
				Name: "SIGTERM", Extent: crashtest.Short, Do: stopInOrder(w),
				Expect: "stops at a boundary, hands back: the other goes on at once",
			},
		}
	})
	all = append(all,
		row{
			Name: "kill -9, lease of 10 s", Extent: crashtest.Short, Do: killLongLease(10 * time.Second),
			Expect: "taken over within 15 s",
		},
		row{
			Name: "kill -9, default lease of 30 s", Extent: crashtest.Long, Do: killLongLease(30 * time.Second),
			Expect: "taken over within 40 s",
		},
	)
	var shared *redistest.Server
	if crashtest.ExtentOf(t) > crashtest.Quick {
		shared = redistest.Start(t)
	}
	for i, d := range crashtest.Deaths() {
		all = append(all, row{
			Name: "dies " + d.String(), Extent: crashtest.Short,
			Expect: "another goes on from the last commit",
			Do: func(t *testing.T) *site {
				t.Helper()
				s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("k%d:", i))
				s.KillAt(d)
				return s
			},
		})
	}
	return all
}

// killAnytime kills a worker in the middle of a step, on a server of its own.
func killAnytime(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.Way = w
		s.KillAnytime()
		return s
	}
}

func killLongLease(ttl time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.KillLongLease(ttl)
		return s
	}
}

// stopInOrder shuts down one of two workers.
func stopInOrder(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.Way = w
		s.StopInOrder()
		return s
	}
}
