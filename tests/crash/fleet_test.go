//go:build crash

package crash

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/plan"
)

// fleets returns the rows about many plans and about processes that start and stop at random.
func fleets() []row {
	const all = "all plans complete, every tenant is worked on, the figures stay 0"
	return []row{
		{Name: "a small fleet under fire", Extent: crashtest.Short, Do: underFire(2_000, 10, 15*time.Second), Expect: all},
		{Name: "a fleet under fire", Extent: crashtest.Long, Do: underFire(100_000, 100, 5*time.Minute), Expect: all},
	}
}

const (
	fleetSize  = 3
	smallPlans = 10 // the number of tenants of a small plan
)

// underFire starts three engines that work on a large plan and many small ones. For the duration
// fire it kills, stops, freezes and adds engines at random.
func underFire(tenants, plans int, fire time.Duration) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, _ := alone(t)
		s.SettleTime = 10 * time.Minute
		// At this pace the large plan takes about as long as the fire.
		s.Defs.Capacity, s.Defs.Steps, s.Defs.Pace = 16, 2, 0
		s.Defs.Pace = fire * fleetSize * time.Duration(s.Defs.Capacity) / time.Duration(2*tenants)
		ids := []plan.ID{s.BeginOther("large", tenants, 64)}
		for i := range plans {
			ids = append(ids, s.BeginOther(fmt.Sprint("small", i), smallPlans, 5))
		}
		s.Plan = ids[0]
		f := newFleet(s)
		for end := time.Now().Add(fire); time.Now().Before(end); {
			f.strike()
		}
		f.rest()
		for _, id := range ids {
			s.FinishPlan(id)
		}
		histories := crashtest.ByWork(s.Entries())
		for _, id := range ids {
			s.Judge(id, histories)
		}
		t.Logf("%s", f)
		return s
	}
}

// fleet is a set of running engines that are killed, stopped, frozen and added at random.
type fleet struct {
	*site
	rand    *rand.Rand
	live    []*crashtest.Proc
	made    int
	strikes map[string]int
}

func newFleet(s *site) *fleet {
	seed := uint64(time.Now().UnixNano())
	s.Logf("fire with seed %d", seed)
	f := &fleet{site: s, rand: rand.New(rand.NewPCG(seed, 1)), strikes: make(map[string]int)}
	f.rest()
	return f
}

func (f *fleet) String() string { return fmt.Sprintf("%d engines, %v", f.made, f.strikes) }

// add starts another engine.
func (f *fleet) add() {
	f.made++
	f.live = append(f.live, f.worker(fmt.Sprintf("engine-%d", f.made)))
}

// rest starts engines until the fleet has fleetSize of them.
func (f *fleet) rest() {
	for len(f.live) < fleetSize {
		f.add()
	}
}

// strike waits a while, then kills, stops or freezes one of the engines, or adds one.
func (f *fleet) strike() {
	time.Sleep(time.Duration(f.rand.Int64N(int64(2 * time.Second))))
	i := f.rand.IntN(len(f.live))
	victim := f.live[i]
	switch n := f.rand.IntN(10); {
	case n < 4:
		f.strikes["killed"]++
		f.drop(i)
		victim.Kill()
	case n < 5:
		f.strikes["stopped"]++
		f.drop(i)
		f.AwaitCount(victim.Orders.Name, crashtest.Ready, 1) // before that it may not know what SIGTERM means
		victim.Stop()
	case n < 7:
		f.strikes["frozen"]++
		victim.Freeze()
		time.Sleep(time.Duration(f.rand.Int64N(int64(2 * crashtest.Lease))))
		victim.Thaw()
	case len(f.live) < 2*fleetSize:
		f.strikes["added"]++
		f.add()
	}
	if len(f.live) == 0 {
		f.rest()
	}
}

func (f *fleet) drop(i int) { f.live = append(f.live[:i:i], f.live[i+1:]...) }
