package wheel

// refs is the number of references in a block, chosen so that a block has 256 bytes.
const refs = 62

const (
	offsetBits = 6 // refs < 1<<offsetBits
	chunkBits  = 8
)

// block is a part of a slot's chain. Only the first block of a chain may be
// partly filled.
type block struct {
	next uint32
	slot uint16
	n    uint16
	ref  [refs]uint32
}

// blockPool allocates blocks, which are named by number. Number 0 is never allocated.
type blockPool struct {
	chunks []*[1 << chunkBits]block
	used   uint32 // all numbers below it have been allocated at some time
	free   uint32 // first of the chain of released blocks
}

func (p *blockPool) at(n uint32) *block {
	return &p.chunks[n>>chunkBits][n&(1<<chunkBits-1)]
}

func (p *blockPool) alloc() uint32 {
	if n := p.free; n != 0 {
		p.free = p.at(n).next
		return n
	}
	if p.used == 0 {
		p.used = 1
	}
	n := p.used
	if int(n>>chunkBits) == len(p.chunks) {
		p.chunks = append(p.chunks, new([1 << chunkBits]block))
	}
	p.used++
	return n
}

func (p *blockPool) release(n uint32) {
	b := p.at(n)
	b.n = 0
	b.next = p.free
	p.free = n
}

// link puts an entry into the slot to which its due tick belongs now.
func (w *Wheel[T]) link(i uint32, e *entry, due uint64) {
	slot := w.slotFor(due)
	head := w.heads[slot]
	if head == 0 || w.blocks.at(head).n == refs {
		n := w.blocks.alloc()
		b := w.blocks.at(n)
		b.next, b.slot = head, uint16(slot)
		if head == 0 {
			w.mark(slot, true)
		}
		w.heads[slot], head = n, n
	}
	b := w.blocks.at(head)
	b.ref[b.n] = i
	e.place = head<<offsetBits | uint32(b.n)
	b.n++
}

// pop removes one reference from a slot that is not empty, and returns it.
func (w *Wheel[T]) pop(slot int) uint32 {
	head := w.heads[slot]
	b := w.blocks.at(head)
	b.n--
	i := b.ref[b.n]
	if b.n == 0 {
		w.heads[slot] = b.next
		w.blocks.release(head)
		if w.heads[slot] == 0 {
			w.mark(slot, false)
		}
	}
	return i
}

// unlink removes an entry from its slot and fills the hole with the reference that pop removes.
func (w *Wheel[T]) unlink(e *entry) {
	hole := e.place
	b := w.blocks.at(hole >> offsetBits)
	last := w.pop(int(b.slot))
	moved := w.entries.at(last)
	if moved == e {
		return
	}
	b.ref[hole&(1<<offsetBits-1)] = last
	moved.place = hole
}
