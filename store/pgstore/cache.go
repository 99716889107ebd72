package pgstore

import (
	"sync"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/rules"
)

// knownPlan are the parts of a plan that seldom change, so that they are not read and parsed again
// for each commit: what it was created with, of the plan with this mark, and what its commands have
// decided, up to this version, which was made at this time.
type knownPlan struct {
	mark             string
	fixed            plan.Plan
	version, changed int64
	control          plan.Control
	// last is the plan as the last commit of this process has left it. It is a guess: where to look
	// for rows, and nothing else, depends on it.
	last *rules.Plan
}

// cache remembers some plans. Nobody changes what it has given out.
type cache struct {
	mu    sync.Mutex
	plans map[plan.ID]knownPlan
}

// maxKnown is the maximum number of plans in a cache.
const maxKnown = 256

func (c *cache) get(id plan.ID) knownPlan {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.plans[id]
}

func (c *cache) change(id plan.ID, f func(k *knownPlan)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.plans == nil || len(c.plans) >= maxKnown {
		c.plans = make(map[plan.ID]knownPlan)
	}
	k := c.plans[id]
	f(&k)
	c.plans[id] = k
}

func (c *cache) setSpec(id plan.ID, mark string, p *plan.Plan) {
	c.change(id, func(k *knownPlan) { k.mark, k.fixed = mark, *p })
}

func (c *cache) setControl(id plan.ID, version, changed int64, control *plan.Control) {
	c.change(id, func(k *knownPlan) { k.version, k.changed, k.control = version, changed, *control })
}

func (c *cache) setLast(p *rules.Plan) {
	c.change(p.ID, func(k *knownPlan) { k.last = p })
}

func (c *cache) drop(id plan.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.plans, id)
}
