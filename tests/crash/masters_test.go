//go:build crash

package crash

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
)

// frozenMasters returns the rows about a cluster in which one master does not answer.
func frozenMasters() []row {
	const apart = "the plans of other masters go on meanwhile; no lease is lost but those that the master keeps"
	return []row{
		{Name: "each of 3 masters frozen", Extent: crashtest.Short, Do: mastersFrozen(0, 1), Expect: apart},
		{Name: "each of 3 masters frozen, with a replica", Extent: crashtest.Long, Do: mastersFrozen(1, 1), Expect: apart + "; its replica takes over"},
		{Name: "each of 3 masters frozen, five times", Extent: crashtest.Long, Do: mastersFrozen(0, 5), Expect: apart},
	}
}

// mastersFrozen freezes the masters one after the other, for two leases each, while workers run a
// plan on every master. A master with a replica stays frozen until the replica has taken over.
func mastersFrozen(replicas, rounds int) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		cluster := redistest.StartCluster(t, 3, replicas)
		s := newSite(t, target{Addrs: cluster.Addrs(), Cluster: true}, "crash:")
		s.own.Replicas = replicas
		s.Defs.Pace = 60 * time.Millisecond
		s.SettleTime *= 2
		c := &masters{site: s, cluster: cluster, plans: make(map[plan.ID]*redistest.Server)}
		c.beginEverywhere(1000 * rounds)
		s.worker("first")
		s.worker("other")
		for id := range c.plans {
			s.Await("work on every plan", func() bool { return c.savedOf(id) >= 4 })
		}
		for i := range 3 * rounds {
			cluster.AwaitWhole()
			if replicas > 0 {
				c.failOver(cluster.Nodes()[i%3])
			} else {
				c.freeze(cluster.Nodes()[i%3])
			}
		}
		c.completeAll()
		return s
	}
}

// masters is a site on a cluster, with a plan on each master.
type masters struct {
	*site
	cluster *redistest.Cluster
	plans   map[plan.ID]*redistest.Server
}

// beginEverywhere starts plans until every master has one. The plans' concurrency is so high that
// tasks which workers held when they lost their leases do not keep the workers from claiming
// others.
func (c *masters) beginEverywhere(tenants int) {
	c.Helper()
	have := make(map[*redistest.Server]bool)
	for n := 1; len(have) < 3; n++ {
		next := c.cluster.MasterFor(c.record(plan.ID(n)))
		size := tenants
		if have[next] {
			size = 1 // its only purpose is to use up an id
		}
		id := c.BeginOther(fmt.Sprint("p", n), size, 1000)
		if c.Plan = id; id != plan.ID(n) {
			c.Fatalf("plan %d has the id %s", n, id)
		}
		if !have[next] {
			c.plans[id] = next
		}
		have[next] = true
	}
}

func (c *masters) savedOf(id plan.ID) (n int) {
	c.Helper()
	for _, e := range c.Entries() {
		if e.Kind == crashtest.Saved && e.Task.Plan() == id {
			n++
		}
	}
	return n
}

// freeze freezes a master for two leases. It expects progress of the plans on the other masters
// during that time, and of all plans afterwards.
func (c *masters) freeze(victim *redistest.Server) {
	c.Helper()
	began, before := len(c.Entries()), c.progress()
	victim.Freeze()
	c.Logf("%s %s frozen", time.Now().Format("05.000"), victim.Addr())
	time.Sleep(2 * crashtest.Lease)
	c.wantProgress(before, "while "+victim.Addr()+" is frozen", func(at *redistest.Server) bool { return at != victim })
	victim.Thaw()
	c.Logf("%s %s thawed", time.Now().Format("05.000"), victim.Addr())
	c.wantProgress(c.progress(), "after "+victim.Addr()+" was frozen", func(*redistest.Server) bool { return true })
	c.leasesLost(victim, c.Entries()[began:])
}

// failOver is freeze for a master with a replica, which takes over. Commits wait for a replica, so
// the plan continues only when the old master follows the new one.
func (c *masters) failOver(victim *redistest.Server) {
	c.Helper()
	began, before := len(c.Entries()), c.progress()
	victim.Freeze()
	c.wantProgress(before, "while "+victim.Addr()+" is frozen", func(at *redistest.Server) bool { return at != victim })
	c.Await("a replica to take over", func() bool {
		for id, at := range c.plans {
			if at == victim && c.cluster.MasterFor(c.record(id)) != victim {
				return true
			}
		}
		return false
	})
	victim.Thaw()
	c.Await("the old master to follow", func() bool {
		info, err := victim.Client().Info(c.Context(), "replication").Result()
		return err == nil && strings.Contains(info, "role:slave") && strings.Contains(info, "master_link_status:up")
	})
	c.wantProgress(c.progress(), "after "+victim.Addr()+" came back", func(*redistest.Server) bool { return true })
	c.leasesLost(victim, c.Entries()[began:])
}

func (c *masters) progress() map[plan.ID]int {
	c.Helper()
	all := make(map[plan.ID]int)
	for id := range c.plans {
		all[id] = c.savedOf(id)
	}
	return all
}

// wantProgress waits until 10 more saves than before were acknowledged for each plan on a master
// for which on returns true.
func (c *masters) wantProgress(before map[plan.ID]int, when string, on func(*redistest.Server) bool) {
	c.Helper()
	for id, at := range c.plans {
		if on(at) {
			c.Await(fmt.Sprintf("plan %s to go on %s", id, when), func() bool { return c.savedOf(id) >= before[id]+10 })
		}
	}
}

// leasesLost fails the test if a worker lost a lease whose record is not on the master victim.
func (c *masters) leasesLost(victim *redistest.Server, since []crashtest.Entry) {
	c.Helper()
	for _, e := range since {
		if e.Kind != crashtest.LostOne {
			continue
		}
		if at := c.cluster.FirstMasterFor(c.own.Prefix + "lease:" + e.Note); at != victim {
			c.Errorf("%s has lost the lease %s, which %s keeps and not %s\n%s", e.Worker, e.Note, at.Addr(), victim.Addr(), c.Tail())
		}
	}
}

// completeAll adds a fast worker, waits for the end of all plans and adds up the figures.
func (c *masters) completeAll() {
	c.Helper()
	c.worker("closer", func(o *orders) { o.Pace, o.Capacity = time.Millisecond, 16 })
	for id := range c.plans {
		c.FinishPlan(id)
	}
	histories := crashtest.ByWork(c.Entries())
	for id := range c.plans {
		c.Judge(id, histories)
	}
}
