//go:build crash

package crash

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
)

// halfMoves returns the rows about a slot of which only half has moved.
func halfMoves() []row {
	return crashtest.EveryWay(func(w crashtest.Way) []row {
		const whole = "the plan waits, and nothing is written to half of it"
		return []row{
			{Name: "a slot half moved, to and fro", Extent: crashtest.Short, Do: halfMoved(w, 2), Expect: whole},
			{Name: "a slot half moved, five times", Extent: crashtest.Long, Do: halfMoved(w, 5), Expect: whole},
		}
	})
}

func (s *site) record(id plan.ID) string { return fmt.Sprintf("%s{p:%s}:plan", s.own.Prefix, id) }

// halfMoved moves half of the keys of the plan's slot to another node, waits for two leases, and
// finishes the move. The next round moves the slot back in the same way. A move that is half done
// cannot be reverted, because the source node does not accept the moved keys again.
func halfMoved(w crashtest.Way, times int) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		cluster := redistest.StartCluster(t, 2, 0)
		s := newSite(t, target{Addrs: cluster.Addrs(), Cluster: true}, "crash:")
		s.Way = w
		s.Defs.Pace = 60 * time.Millisecond
		s.Busy(200 * times)
		for range times {
			m := s.beginMove(cluster)
			m.carry(half, func() {})
			before := s.Count("", crashtest.Saved)
			time.Sleep(2 * crashtest.Lease)
			if n := s.Count("", crashtest.Saved) - before; n > s.Defs.Capacity*2 {
				t.Errorf("%d saves into half a plan", n)
			}
			m.carry(everything, func() {})
			m.settle()
			s.Await("the plan to go on", func() bool { return s.Count("", crashtest.Saved) > before })
		}
		return s.complete()
	}
}

// move is the migration of a slot from one node to another.
type move struct {
	*site
	cluster  *redistest.Cluster
	slot     int64
	from, to *redistest.Server
	sink     string // the id of to
}

// beginMove marks the plan's slot as migrating to another node.
func (s *site) beginMove(cluster *redistest.Cluster) *move {
	s.Helper()
	key := s.record(s.Plan)
	slot, err := cluster.Client().ClusterKeySlot(s.Context(), key).Result()
	if err != nil {
		s.Fatal(err)
	}
	m := &move{site: s, cluster: cluster, slot: slot, from: cluster.MasterFor(key)}
	m.to = cluster.Nodes()[0]
	if m.to == m.from {
		m.to = cluster.Nodes()[1]
	}
	source := m.do(m.from, "CLUSTER", "MYID")
	m.sink = m.do(m.to, "CLUSTER", "MYID")
	m.do(m.to, "CLUSTER", "SETSLOT", m.slot, "IMPORTING", source)
	m.do(m.from, "CLUSTER", "SETSLOT", m.slot, "MIGRATING", m.sink)
	return m
}

func (m *move) do(node *redistest.Server, args ...any) string {
	m.Helper()
	answer, err := node.Client().Do(m.Context(), args...).Text()
	if err != nil {
		m.Fatalf("%v: %v", args, err)
	}
	return answer
}

// The share of a slot's keys that carry moves, as a divisor.
const (
	everything = 1
	half       = 2
)

// carry moves every key, or half of the keys, and calls pause after each. The test fails if a key
// exists on both nodes, because then a write went to the wrong node.
func (m *move) carry(share int, pause func()) {
	m.Helper()
	carried := 0
	for {
		keys := m.from.Client().ClusterGetKeysInSlot(m.Context(), int(m.slot), 1000).Val()
		n := (len(keys) + share - 1) / share
		for _, key := range keys[:n] {
			m.do(m.from, "MIGRATE", "127.0.0.1", m.to.Port(), key, 0, 5000)
			carried++
			pause()
		}
		if len(keys) == 0 || share > 1 {
			m.Logf("%d keys moved", carried)
			return
		}
	}
}

// settle ends the move and waits until every node and the test's own client know the new owner.
// Otherwise the next move could begin at the wrong node.
func (m *move) settle() {
	m.Helper()
	m.do(m.to, "CLUSTER", "SETSLOT", m.slot, "NODE", m.sink)
	m.do(m.from, "CLUSTER", "SETSLOT", m.slot, "NODE", m.sink)
	for _, node := range m.cluster.Nodes() {
		m.Await(node.Addr()+" to know of the move", func() bool { return m.ownerBy(node) == m.sink })
	}
	m.Await("the client to know of the move", func() bool { return m.cluster.MasterFor(m.record(m.Plan)) == m.to })
}

// ownerBy returns the id of the slot's owner according to a node.
func (m *move) ownerBy(node *redistest.Server) string {
	m.Helper()
	shards, err := node.Client().ClusterShards(m.Context()).Result()
	if err != nil {
		m.Fatal(err)
	}
	for _, s := range shards {
		has := func(r redis.SlotRange) bool { return r.Start <= m.slot && m.slot <= r.End }
		if slices.ContainsFunc(s.Slots, has) {
			return s.Nodes[slices.IndexFunc(s.Nodes, func(n redis.Node) bool { return n.Role == "master" })].ID
		}
	}
	return ""
}
