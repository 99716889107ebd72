//go:build crash

package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// failovers returns the rows about several servers.
func failovers() []row {
	return append(crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{
			{
				Name: "Sentinel failover, Replicas 1", Extent: crashtest.Short, Do: failover(w, 1),
				Expect: "every commit waits for the replica: none is lost",
			},
			{
				Name: "master killed, Replicas 0", Extent: crashtest.Short, Do: failover(w, 0),
				Expect: "commits that the replica had not got are lost, and told; the plan comes to its end",
			},
			{
				Name: "a cluster's slot moves", Extent: crashtest.Short, Do: migrate(w),
				Expect: "nothing is lost while the plan's keys move to another node",
			},
		}
	}), row{
		Name: "a cluster's master dies", Extent: crashtest.Short, Do: clusterFailover,
		Expect: "its replica goes on; what is lost is told",
	})
}

// failover makes a replica the master. If commits wait for the replica, failover tells Sentinel to
// fail over; otherwise it kills the master.
func failover(w crashtest.Way, replicas int) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		group := redistest.StartSentinel(t)
		s := newSite(t, target{Addrs: group.Options().SentinelAddrs, Master: group.Options().MasterName}, "crash:")
		s.Way = w
		s.own.Replicas = replicas
		s.ExpectLoss = replicas == 0
		s.Busy(100)
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
	reported := s.Count("", crashtest.GoneBy)
	s.Logf("%d acknowledged writes lost, told %d times", s.Fig.Lost, reported)
	if s.Fig.Lost > 0 && reported == 0 {
		s.Errorf("%d acknowledged writes were lost, and nobody has told", s.Fig.Lost)
	}
}

// migrate moves the slot of the plan to another node, key by key, while the workers run the plan.
func migrate(w crashtest.Way) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		cluster := redistest.StartCluster(t, 2, 0)
		s := newSite(t, target{Addrs: cluster.Addrs(), Cluster: true}, "crash:")
		s.Way = w
		s.Busy(600)
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
	s.ExpectLoss = true
	s.Busy(100)
	cluster.MasterFor(fmt.Sprintf("crash:{p:%s}:plan", s.Plan)).Kill()
	s.complete()
	s.expectTold()
	return s
}

// portOf returns the port of a server.
func portOf(s *redistest.Server) string {
	_, port, _ := strings.Cut(s.Addr(), ":")
	return port
}
