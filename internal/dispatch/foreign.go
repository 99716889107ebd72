package dispatch

import (
	"maps"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// maxForeign is about how many plans are remembered as foreign.
const maxForeign = 10_000

// foreign are the plans that owe nothing and have tasks to claim, but not for this process, which
// does not have their executor. They stay due for the processes that have it, so this one would
// read them at every poll. Instead it looks at each again when the plan was put on the agenda anew,
// as by a command, or after some time: a worker of the plan may have been lost. It is safe for
// concurrent use.
type foreign struct {
	mu    sync.Mutex
	plans map[plan.ID]foreignPlan
}

type foreignPlan struct {
	stamp uint64
	until time.Time
}

// add records that a plan which is due under a stamp need not be looked at for some time.
func (f *foreign) add(id plan.ID, stamp uint64, d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if len(f.plans) >= maxForeign {
		maps.DeleteFunc(f.plans, func(_ plan.ID, p foreignPlan) bool { return !now.Before(p.until) })
	}
	if len(f.plans) < maxForeign {
		f.plans[id] = foreignPlan{stamp, now.Add(d)}
	}
}

// has reports whether a plan that is due need not be looked at now.
func (f *foreign) has(due store.DuePlan) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	p, is := f.plans[due.ID]
	if is && (p.stamp != due.Stamp || !time.Now().Before(p.until)) {
		delete(f.plans, due.ID)
		return false
	}
	return is
}
