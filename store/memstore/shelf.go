package memstore

// shelf holds records by ordinal, in chunks that never move.
type shelf struct {
	chunks [][]record
	n      int
}

const shelfChunk = 1024

// at returns the record of an ordinal from 1 to n.
func (s *shelf) at(ordinal uint32) *record {
	i := ordinal - 1
	return &s.chunks[i/shelfChunk][i%shelfChunk]
}

// add appends a record. of is the expected final number of records.
func (s *shelf) add(r record, of int) {
	if s.n%shelfChunk == 0 {
		s.chunks = append(s.chunks, make([]record, 0, max(1, min(shelfChunk, of-s.n))))
	}
	last := &s.chunks[len(s.chunks)-1]
	*last = append(*last, r)
	s.n++
}
