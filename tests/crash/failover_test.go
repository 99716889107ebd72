//go:build crash

package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
)

// failovers returns the rows about several servers.
func failovers() []row {
	return append(everyWay(func(w way) []row {
		return []row{
			{
				name: "Sentinel failover, Replicas 1", extent: short, do: failover(w, 1),
				expect: "every commit waits for the replica: none is lost",
			},
			{
				name: "master killed, Replicas 0", extent: short, do: failover(w, 0),
				expect: "commits that the replica had not got are lost, and told; the plan comes to its end",
			},
			{
				name: "a cluster's slot moves", extent: short, do: migrate(w),
				expect: "nothing is lost while the plan's keys move to another node",
			},
		}
	}), row{
		name: "a cluster's master dies", extent: short, do: clusterFailover,
		expect: "its replica goes on; what is lost is told",
	})
}

// failover makes a replica the master. If commits wait for the replica, failover tells Sentinel to
// fail over; otherwise it kills the master.
func failover(w way, replicas int) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		group := redistest.StartSentinel(t)
		s := newSite(t, target{Addrs: group.Options().SentinelAddrs, Master: group.Options().MasterName}, "crash:")
		s.way = w
		s.defs.Replicas = replicas
		s.expectLoss = replicas == 0
		s.busy(100)
		if replicas > 0 {
			group.FailoverNow()
		} else {
			old := group.Master()
			old.Kill()
			group.WaitFailover(old)
		}
		s.complete()
		s.expectTold()
		return s
	}
}

// expectTold fails the test if acknowledged writes were lost and no worker has reported the loss.
func (s *site) expectTold() {
	s.Helper()
	reported := s.count("", goneBy)
	s.Logf("%d acknowledged writes lost, told %d times", s.fig.lost, reported)
	if s.fig.lost > 0 && reported == 0 {
		s.Errorf("%d acknowledged writes were lost, and nobody has told", s.fig.lost)
	}
}

// migrate moves the slot of the plan to another node, key by key, while the workers run the plan.
func migrate(w way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		cluster := redistest.StartCluster(t, 2, 0)
		s := newSite(t, target{Addrs: cluster.Addrs(), Cluster: true}, "crash:")
		s.way = w
		s.busy(600)
		m := s.beginMove(cluster)
		m.carry(everything, func() { time.Sleep(100 * time.Millisecond) })
		m.settle()
		return s.complete()
	}
}

// clusterFailover kills the master that has the plan.
func clusterFailover(t *testing.T) *site {
	t.Helper()
	cluster := redistest.StartCluster(t, 3, 1)
	s := newSite(t, target{Addrs: cluster.Addrs(), Cluster: true}, "crash:")
	s.expectLoss = true
	s.busy(100)
	cluster.MasterFor(fmt.Sprintf("crash:{p:%s}:plan", s.plan)).Kill()
	s.complete()
	s.expectTold()
	return s
}

// portOf returns the port of a server.
func portOf(s *redistest.Server) string {
	_, port, _ := strings.Cut(s.Addr(), ":")
	return port
}
