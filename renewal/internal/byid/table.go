package byid

// table is one of the hash tables of a Set. The number of its slots need not be a power of two.
type table[T Named] struct {
	n     int
	tags  []uint8
	slots []T
}

// tag returns the byte of a hash that is kept for a slot; never 0.
func tag(hash uint64) uint8 { return uint8(hash>>48) | 1 }

// home returns the slot at which the search for a hash begins.
func (t *table[T]) home(hash uint64) int {
	return int(uint64(uint32(hash)) * uint64(len(t.slots)) >> 32)
}

// after returns the slot after a slot; after the last one comes the first.
func (t *table[T]) after(i int) int {
	if i++; i < len(t.slots) {
		return i
	}
	return 0
}

// distance returns how many slots lie from one slot to another.
func (t *table[T]) distance(from, to int) int {
	if to >= from {
		return to - from
	}
	return to - from + len(t.slots)
}

// find returns the slot of the value with an id.
func (t *table[T]) find(hash uint64, id string) (i int, ok bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	for i = t.home(hash); t.tags[i] != 0; i = t.after(i) {
		if t.tags[i] == tag(hash) && t.slots[i].ID() == id {
			return i, true
		}
	}
	return 0, false
}

// add puts a value into the first empty slot from its home on. There must be one.
func (t *table[T]) add(hash uint64, v T) {
	i := t.home(hash)
	for t.tags[i] != 0 {
		i = t.after(i)
	}
	t.tags[i], t.slots[i] = tag(hash), v
	t.n++
}
