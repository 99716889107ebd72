package memstore

import "github.com/cutover-go/cutover/store/rules"

// claims lists the claims of a plan that hold tasks, and the latest claims that no longer do, so
// that the store recognizes a claim that is sent again. Index 0 stands for no claim.
type claims struct {
	list []claim
	byID map[string]uint32
	free []uint32
	idle []uint32 // claims without tasks; when idle is full, the oldest is at next
	next int
}

type claim struct {
	id, worker string
	held       int
}

func (c *claims) at(i uint32) *claim { return &c.list[i] }

func (c *claims) find(id string) (uint32, bool) {
	i, ok := c.byID[id]
	return i, ok
}

// add adds a claim and returns its index. The caller must assign it a task in the same step.
func (c *claims) add(id, worker string) uint32 {
	if c.byID == nil {
		c.byID = make(map[string]uint32)
		c.list = make([]claim, 1)
	}
	var i uint32
	if n := len(c.free); n > 0 {
		i, c.free = c.free[n-1], c.free[:n-1]
	} else {
		i = uint32(len(c.list))
		c.list = append(c.list, claim{})
	}
	c.list[i] = claim{id: id, worker: worker}
	c.byID[id] = i
	return i
}

func (c *claims) hold(i uint32) { c.list[i].held++ }

// release records that the claim holds one task less. A claim without tasks is forgotten when
// rules.KeptClaims later claims have no tasks either.
func (c *claims) release(i uint32) {
	c.list[i].held--
	if c.list[i].held > 0 {
		return
	}
	if len(c.idle) < rules.KeptClaims {
		c.idle = append(c.idle, i)
		return
	}
	oldest := c.idle[c.next]
	delete(c.byID, c.list[oldest].id)
	c.list[oldest] = claim{}
	c.free = append(c.free, oldest)
	c.idle[c.next] = i
	c.next = (c.next + 1) % rules.KeptClaims
}
