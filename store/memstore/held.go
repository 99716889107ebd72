package memstore

import "iter"

// held are the ordinals of the tasks that are held, each at a place of its own. No other record has
// to be written when a task is added or removed: that is often in the cache of another processor.
type held struct {
	list []uint32 // 0 where there is none
	free []uint32 // the places of list that are 0
}

// add returns the place of a task.
func (h *held) add(ordinal uint32) (place uint32) {
	if n := len(h.free); n > 0 {
		place, h.free = h.free[n-1], h.free[:n-1]
		h.list[place] = ordinal
		return place
	}
	h.list = append(h.list, ordinal)
	return uint32(len(h.list) - 1)
}

func (h *held) remove(place uint32) {
	h.list[place] = 0
	h.free = append(h.free, place)
}

// all goes over the ordinals.
func (h *held) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, ordinal := range h.list {
			if ordinal != 0 && !yield(ordinal) {
				return
			}
		}
	}
}
