package memstore

import (
	"cmp"
	"iter"
	"slices"
)

// held are the tasks that are held, each at a place of its own. No other record has to be written
// when a task is added or removed: that is often in the cache of another processor.
type held struct {
	list []hold
	free []uint32 // the places of list where there is none
	last uint64   // the number of the newest hold
}

// hold is the hold of a task. Holds are numbered in the order in which they began, because a claim
// that is sent again is answered in the order of the first answer. 0 stands for none.
type hold struct {
	number  uint64
	ordinal uint32
}

// add returns the place of a task.
func (h *held) add(ordinal uint32) (place uint32) {
	h.last++
	begun := hold{h.last, ordinal}
	if n := len(h.free); n > 0 {
		place, h.free = h.free[n-1], h.free[:n-1]
		h.list[place] = begun
		return place
	}
	h.list = append(h.list, begun)
	return uint32(len(h.list) - 1)
}

func (h *held) remove(place uint32) {
	h.list[place] = hold{}
	h.free = append(h.free, place)
}

// all goes over the ordinals, in no order.
func (h *held) all() iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		for _, hold := range h.list {
			if hold.number != 0 && !yield(hold.ordinal) {
				return
			}
		}
	}
}

// which appends the ordinals for which is returns true, in the order in which the holds began.
func (h *held) which(is func(ordinal uint32) bool, to []uint32) []uint32 {
	var found []hold
	for _, hold := range h.list {
		if hold.number != 0 && is(hold.ordinal) {
			found = append(found, hold)
		}
	}
	slices.SortFunc(found, func(a, b hold) int { return cmp.Compare(a.number, b.number) })
	for _, hold := range found {
		to = append(to, hold.ordinal)
	}
	return to
}
