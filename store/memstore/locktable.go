package memstore

import (
	"hash/maphash"

	"github.com/cutover-go/cutover/store"
)

// lockTable holds locks by tenant. A plan of a million tenants locks all of them when it starts, so
// a lock takes 60 to 70 bytes here, half of what it takes in a map, and one search adds or removes
// it. The locks are in chunks and do not move. The slots, which refer to them, have no pointers:
// the garbage collector does not look at them.
//
// Invariant: at most three quarters of the slots are taken.
type lockTable struct {
	seed   maphash.Seed
	slots  slots // none if there are no locks
	chunks []lockChunk
	used   int      // numbers that were given out, those in free included
	free   []uint32 // numbers of locks that were removed
	idle   int      // the index of the chunk that keeps its memory when it has no lock
}

// lockChunk has the locks of chunkSize numbers. Without locks it has no memory, so that a plan
// gives back that of its locks while it runs; but one chunk keeps it, so that a lock which comes
// and goes does not cost a chunk each time.
type lockChunk struct {
	locks []store.TenantLock
	n     int // how many of them there are
}

const chunkSize = 256

func newLockTable() lockTable { return lockTable{seed: maphash.MakeSeed()} }

func (t *lockTable) len() int { return t.used - len(t.free) }

// lock returns the lock of a number.
func (t *lockTable) lock(number uint32) *store.TenantLock {
	return &t.chunks[(number-1)/chunkSize].locks[(number-1)%chunkSize]
}

// find returns the place of the slot that refers to the lock of a tenant or, if there is none, of
// the empty slot for it. There are slots.
func (t *lockTable) find(tenant string) (place int, hash uint32) {
	hash = uint32(maphash.String(t.seed, tenant))
	for place = int(hash) & (len(t.slots) - 1); ; place = (place + 1) & (len(t.slots) - 1) {
		s := t.slots[place]
		if s == 0 || s.hash() == hash && t.lock(s.number()).Tenant == tenant {
			return place, hash
		}
	}
}

// get returns the lock of a tenant, nil if there is none. It is good until the next remove.
func (t *lockTable) get(tenant string) *store.TenantLock {
	if len(t.slots) == 0 {
		return nil
	}
	if place, _ := t.find(tenant); t.slots[place] != 0 {
		return t.lock(t.slots[place].number())
	}
	return nil
}

// add adds a lock and returns nil, or returns the lock that its tenant has.
func (t *lockTable) add(l store.TenantLock) (had *store.TenantLock) {
	if t.len() >= len(t.slots)/4*3 {
		t.slots = t.slots.grown()
	}
	place, hash := t.find(l.Tenant)
	if s := t.slots[place]; s != 0 {
		return t.lock(s.number())
	}
	number := uint32(t.used + 1)
	if n := len(t.free); n > 0 {
		number, t.free = t.free[n-1], t.free[:n-1]
	} else if t.used++; len(t.chunks)*chunkSize < t.used {
		t.chunks = append(t.chunks, lockChunk{})
	}
	chunk := &t.chunks[(number-1)/chunkSize]
	if chunk.n++; chunk.locks == nil {
		chunk.locks = make([]store.TenantLock, chunkSize)
	}
	*t.lock(number), t.slots[place] = l, slotOf(hash, number)
	return nil
}

// remove removes a lock if it is still exactly this one.
func (t *lockTable) remove(l store.TenantLock) {
	if len(t.slots) == 0 {
		return
	}
	place, _ := t.find(l.Tenant)
	s := t.slots[place]
	if s == 0 || *t.lock(s.number()) != l {
		return
	}
	t.slots.empty(place)
	t.drop(s.number())
	if t.len() == 0 && len(t.chunks) > 1 {
		*t = lockTable{seed: t.seed} // few locks keep their memory, because they come and go
	}
}

// drop forgets the lock of a number.
func (t *lockTable) drop(number uint32) {
	*t.lock(number) = store.TenantLock{}
	t.free = append(t.free, number)
	i := int(number-1) / chunkSize
	if t.chunks[i].n--; t.chunks[i].n > 0 || t.idle == i {
		return
	}
	if idle := &t.chunks[t.idle]; idle.n == 0 {
		idle.locks = nil
	}
	t.idle = i
}
