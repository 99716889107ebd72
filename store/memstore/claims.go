package memstore

import (
	"hash/maphash"

	"github.com/cutover-go/cutover/store/rules"
)

// claims lists the claims of a plan that hold tasks, and the latest claims that no longer do, so
// that the store recognizes a claim that is sent again. Index 0 stands for no claim.
type claims struct {
	list []claim
	byID slots // at most half of them are taken
	seed maphash.Seed
	n    int // how many claims there are
	free []uint32
	idle []uint32 // claims without tasks; when idle is full, the oldest is at next
	next int
}

type claim struct {
	id, worker string
	hash       uint32 // of id
	held       int32
}

func (c *claims) at(i uint32) *claim { return &c.list[i] }

func (c *claims) find(id string) (uint32, bool) {
	if c.n == 0 {
		return 0, false
	}
	hash := uint32(maphash.String(c.seed, id))
	for place := c.byID.first(hash); c.byID[place] != 0; place = c.byID.after(place) {
		if s := c.byID[place]; s.hash() == hash && c.list[s.number()].id == id {
			return s.number(), true
		}
	}
	return 0, false
}

// add adds a claim and returns its index. The caller must assign it a task in the same step.
func (c *claims) add(id, worker string) uint32 {
	if c.list == nil {
		c.list, c.seed = make([]claim, 1), maphash.MakeSeed()
	}
	if c.n++; 2*c.n > len(c.byID) {
		c.byID = c.byID.grown()
	}
	var i uint32
	if n := len(c.free); n > 0 {
		i, c.free = c.free[n-1], c.free[:n-1]
	} else {
		i = uint32(len(c.list))
		c.list = append(c.list, claim{})
	}
	hash := uint32(maphash.String(c.seed, id))
	c.list[i] = claim{id: id, worker: worker, hash: hash}
	place := c.byID.first(hash)
	for c.byID[place] != 0 {
		place = c.byID.after(place)
	}
	c.byID[place] = slotOf(hash, i)
	return i
}

// forget removes a claim.
func (c *claims) forget(i uint32) {
	s := slotOf(c.list[i].hash, i)
	place := c.byID.first(s.hash())
	for c.byID[place] != s {
		place = c.byID.after(place)
	}
	c.byID.empty(place)
	c.list[i] = claim{}
	c.free = append(c.free, i)
	c.n--
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
	c.forget(oldest)
	c.idle[c.next] = i
	c.next = (c.next + 1) % rules.KeptClaims
}
