// Package byid holds values that can be looked up by their ids, in less memory than a map of Go,
// which stores every id beside its value: 11 to 15 bytes for each of a million values, instead of
// 35 to 56.
//
// The scheme is linear probing with backward shifts instead of tombstones: Knuth, "The Art of
// Computer Programming", volume 3, section 6.4, algorithms L and R. A byte of the hash is kept for
// each slot, so that a search hardly ever looks at a value with another id.
//
// # Invariants
//
//	table of a value  that of the first byte of the hash of its id
//	tag               0 exactly if the slot is empty
//	search            between the home of a value and its slot no slot is empty
//	load              at most seven of eight slots are full, so every search ends
//
// The tables grow one by one, so that an addition never moves more than one table: a 256th of all
// values.
//
// The package imports nothing of this module and must not know the purpose of its values.
package byid

import (
	"hash/maphash"
	"iter"
)

// Named is a value with an id, which must not change while the value is in a Set.
type Named interface{ ID() string }

const (
	tables   = 256
	minSlots = 8
)

// Set holds values with different ids. It is not safe for concurrent use. Use [New].
type Set[T Named] struct {
	seed   maphash.Seed
	n      int
	tables [tables]table[T]
}

// New returns an empty set.
func New[T Named]() *Set[T] { return &Set[T]{seed: maphash.MakeSeed()} }

// Len returns the number of values.
func (s *Set[T]) Len() int { return s.n }

// Get returns the value with an id, and whether there is one.
func (s *Set[T]) Get(id string) (v T, ok bool) {
	h := s.hash(id)
	t := s.table(h)
	if i, ok := t.find(h, id); ok {
		return t.slots[i], true
	}
	return v, false
}

// Add adds a value. It reports false, and adds nothing, if the set has a value with its id.
func (s *Set[T]) Add(v T) bool {
	h := s.hash(v.ID())
	t := s.table(h)
	if _, found := t.find(h, v.ID()); found {
		return false
	}
	if 8*(t.n+1) > 7*len(t.slots) {
		s.grow(t)
	}
	t.add(h, v)
	s.n++
	return true
}

// Remove removes the value with an id, and reports whether there was one.
func (s *Set[T]) Remove(id string) bool {
	h := s.hash(id)
	t := s.table(h)
	i, found := t.find(h, id)
	if !found {
		return false
	}
	s.remove(t, i)
	s.n--
	return true
}

// All iterates over the values, in no particular order. The set must not change meanwhile.
func (s *Set[T]) All() iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range s.tables {
			for at, tag := range s.tables[i].tags {
				if tag != 0 && !yield(s.tables[i].slots[at]) {
					return
				}
			}
		}
	}
}

func (s *Set[T]) hash(id string) uint64 { return maphash.String(s.seed, id) }

func (s *Set[T]) table(hash uint64) *table[T] { return &s.tables[hash>>56] }

// grow gives a table half as many slots again.
func (s *Set[T]) grow(t *table[T]) {
	old := *t
	n := max(minSlots, len(old.slots)*3/2)
	*t = table[T]{tags: make([]uint8, n), slots: make([]T, n)}
	for i, tag := range old.tags {
		if tag != 0 {
			t.add(s.hash(old.slots[i].ID()), old.slots[i])
		}
	}
}

// remove empties a slot, and moves each value behind it that a search would no longer find.
func (s *Set[T]) remove(t *table[T], hole int) {
	for i := t.after(hole); t.tags[i] != 0; i = t.after(i) {
		home := t.home(s.hash(t.slots[i].ID()))
		if t.distance(home, i) >= t.distance(hole, i) {
			t.tags[hole], t.slots[hole] = t.tags[i], t.slots[i]
			hole = i
		}
	}
	var none T
	t.tags[hole], t.slots[hole] = 0, none
	t.n--
}
