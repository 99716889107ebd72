package memstore

// slots are those of a hash table whose entries are elsewhere, and are numbered from 1. They are as
// many as a power of two.
//
// Invariant: from the slot that the hash of an entry names up to the entry's own, with the first
// slot following the last, none is empty.
type slots []slot

// slot refers to an entry: its hash in the upper half, its number in the lower. 0 is an empty slot.
type slot uint64

func slotOf(hash, number uint32) slot { return slot(hash)<<32 | slot(number) }

func (s slot) hash() uint32   { return uint32(s >> 32) }
func (s slot) number() uint32 { return uint32(s) }

const fewestSlots = 64

// first returns the place that a hash names.
func (t slots) first(hash uint32) int { return int(hash) & (len(t) - 1) }

// after returns the place that follows another.
func (t slots) after(place int) int { return (place + 1) & (len(t) - 1) }

// grown returns twice as many slots with the same content.
func (t slots) grown() slots {
	more := make(slots, max(fewestSlots, 2*len(t)))
	for _, s := range t {
		if s == 0 {
			continue
		}
		place := more.first(s.hash())
		for more[place] != 0 {
			place = more.after(place)
		}
		more[place] = s
	}
	return more
}

// empty empties a slot, and moves into it a later one that would not be found any more, and so on.
func (t slots) empty(place int) {
	mask := len(t) - 1
	for next := t.after(place); t[next] != 0; next = t.after(next) {
		s := t[next]
		if way := (next - int(s.hash())) & mask; way >= (next-place)&mask {
			t[place] = s
			place = next
		}
	}
	t[place] = 0
}
