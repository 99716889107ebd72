package nodequeue

import "time"

// Item is a value in a queue.
type Item[T any] struct {
	Value    T
	Due      time.Duration // the moment from which it should be processed
	Deadline time.Duration // the moment after which it is too late
}

// ring is a queue that grows as needed and releases its memory after a burst.
type ring[T any] struct {
	buf  []Item[T] // length is zero or a power of two
	head int
	n    int
}

// keptRing is the maximum size of the buffer that an empty ring keeps.
const keptRing = 4096

func (r *ring[T]) push(it Item[T]) {
	if r.n == len(r.buf) {
		r.grow()
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = it
	r.n++
}

func (r *ring[T]) grow() {
	buf := make([]Item[T], max(64, 2*len(r.buf)))
	for i := range r.n {
		buf[i] = r.buf[(r.head+i)&(len(r.buf)-1)]
	}
	r.buf, r.head = buf, 0
}

func (r *ring[T]) peek() *Item[T] { return &r.buf[r.head] }

// take moves up to limit items to the end of out.
func (r *ring[T]) take(out []Item[T], limit int) []Item[T] {
	for ; r.n > 0 && limit > 0; limit-- {
		out = append(out, r.buf[r.head])
		r.buf[r.head] = Item[T]{}
		r.head = (r.head + 1) & (len(r.buf) - 1)
		r.n--
	}
	if r.n == 0 && len(r.buf) > keptRing {
		r.buf, r.head = nil, 0
	}
	return out
}
