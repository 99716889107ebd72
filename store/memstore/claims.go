package memstore

// claims are the claims of a plan that hold tasks, and the last ones that do not
// any more: a claim that is sent again finds itself here. Index 0 is nobody.
type claims struct {
	list []claim
	byID map[string]uint32
	free []uint32
	idle []uint32 // claims that hold nothing, the oldest at next once it is full
	next int
}

type claim struct {
	id, worker string
	held       int
}

// keptClaims is how many claims without tasks a plan remembers.
const keptClaims = 64

func (c *claims) at(i uint32) *claim { return &c.list[i] }

func (c *claims) find(id string) (uint32, bool) {
	i, ok := c.byID[id]
	return i, ok
}

// add returns a new claim, which must hold something at once.
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

// release counts the end of a hold; a claim without any is soon forgotten.
func (c *claims) release(i uint32) {
	c.list[i].held--
	if c.list[i].held > 0 {
		return
	}
	if len(c.idle) < keptClaims {
		c.idle = append(c.idle, i)
		return
	}
	oldest := c.idle[c.next]
	delete(c.byID, c.list[oldest].id)
	c.list[oldest] = claim{}
	c.free = append(c.free, oldest)
	c.idle[c.next] = i
	c.next = (c.next + 1) % keptClaims
}
