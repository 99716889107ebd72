package renewal

import "time"

// item is a key in the queue of its node.
type item struct {
	h        *Handle
	k        *key
	due      time.Duration
	deadline time.Duration
}

// ring is a queue that grows as needed and gives its memory back after a burst.
type ring struct {
	buf  []item // length is zero or a power of two
	head int
	n    int
}

// keptRing is the size that an empty ring keeps.
const keptRing = 4096

func (r *ring) push(it item) {
	if r.n == len(r.buf) {
		r.grow()
	}
	r.buf[(r.head+r.n)&(len(r.buf)-1)] = it
	r.n++
}

func (r *ring) grow() {
	buf := make([]item, max(64, 2*len(r.buf)))
	for i := range r.n {
		buf[i] = r.buf[(r.head+i)&(len(r.buf)-1)]
	}
	r.buf, r.head = buf, 0
}

func (r *ring) peek() *item { return &r.buf[r.head] }

// take moves up to limit items to the end of out.
func (r *ring) take(out []item, limit int) []item {
	for ; r.n > 0 && limit > 0; limit-- {
		out = append(out, r.buf[r.head])
		r.buf[r.head] = item{}
		r.head = (r.head + 1) & (len(r.buf) - 1)
		r.n--
	}
	if r.n == 0 && len(r.buf) > keptRing {
		r.buf, r.head = nil, 0
	}
	return out
}
