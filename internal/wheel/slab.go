package wheel

const slabBits = 12

// entry is one timer. It holds no pointer.
type entry struct {
	gen   uint32 // odd while the timer is live; alloc and release increment it
	due   uint32 // low half of the due tick; in a free entry, the index of the next free entry
	place uint32 // block number and offset of the one reference to it
}

// slab stores entries and, apart from them, their values, in chunks that never move. Entry 0 is
// never allocated, so that the zero Handle is stale.
type slab[T any] struct {
	entries []*[1 << slabBits]entry
	values  []*[1 << slabBits]T
	used    uint32
	free    uint32
}

func (s *slab[T]) at(i uint32) *entry {
	return &s.entries[i>>slabBits][i&(1<<slabBits-1)]
}

func (s *slab[T]) value(i uint32) *T {
	return &s.values[i>>slabBits][i&(1<<slabBits-1)]
}

func (s *slab[T]) holds(h Handle) bool {
	return h.gen&1 == 1 && h.index < s.used && s.at(h.index).gen == h.gen
}

func (s *slab[T]) alloc() uint32 {
	i := s.free
	if i != 0 {
		s.free = s.at(i).due
	} else {
		i = s.grow()
	}
	s.at(i).gen++
	return i
}

func (s *slab[T]) grow() uint32 {
	if s.used == 0 {
		s.used = 1
	}
	i := s.used
	if int(i>>slabBits) == len(s.entries) {
		s.entries = append(s.entries, new([1 << slabBits]entry))
		s.values = append(s.values, new([1 << slabBits]T))
	}
	s.used++
	return i
}

func (s *slab[T]) release(i uint32) {
	var none T
	*s.value(i) = none
	e := s.at(i)
	e.gen++
	e.due = s.free
	s.free = i
}
