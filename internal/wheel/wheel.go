package wheel

import "math/bits"

const (
	fineBits   = 12
	fineSlots  = 1 << fineBits
	coarseBits = 6
	coarse     = 1 << coarseBits // slots of a coarse level
	levels     = 4               // one fine level and three coarse levels
	slots      = fineSlots + (levels-1)*coarse

	// Horizon is the maximum wait of a timer, in ticks. Add shortens a longer wait to it.
	Horizon = 1<<31 - 1
)

// Handle names a timer. The zero Handle names none.
type Handle struct {
	index uint32
	gen   uint32
}

// Wheel holds values of type T, each due at a tick. It is not safe for concurrent use. Use [New].
type Wheel[T any] struct {
	// cur is the present tick. Invariant: every timer with due <= cur has been returned, except the
	// timers left in cur's own slot.
	cur  uint64
	live int

	// Invariant: an entry in the fine level has due-cur < fineSlots; an entry in a coarse level l
	// has (due>>shift(l)) - (cur>>shift(l)) in [1, coarse), or is in the farthest slot of the
	// coarsest level. So a slot never mixes two turns.
	heads     [slots]uint32 // first block of a slot's chain, 0 if it is empty
	fineMap   [fineSlots / 64]uint64
	coarseMap [levels - 1]uint64

	entries slab[T]
	blocks  blockPool
}

// New returns an empty wheel that stands at tick now.
func New[T any](now uint64) *Wheel[T] {
	return &Wheel[T]{cur: now}
}

// Len returns the number of live timers.
func (w *Wheel[T]) Len() int { return w.live }

// Now returns the tick that the wheel stands at.
func (w *Wheel[T]) Now() uint64 { return w.cur }

// Add stores v until tick due. A due tick that has passed already counts as the next tick, a due
// tick beyond the [Horizon] as the horizon.
func (w *Wheel[T]) Add(due uint64, v T) Handle {
	switch {
	case due <= w.cur:
		due = w.cur + 1
	case due-w.cur > Horizon:
		due = w.cur + Horizon
	}
	i := w.entries.alloc()
	e := w.entries.at(i)
	e.due = uint32(due)
	*w.entries.value(i) = v
	w.link(i, e, due)
	w.live++
	return Handle{index: i, gen: e.gen}
}

// Cancel removes a timer and reports whether it was still live.
func (w *Wheel[T]) Cancel(h Handle) bool {
	if !w.entries.holds(h) {
		return false
	}
	w.unlink(w.entries.at(h.index))
	w.entries.release(h.index)
	w.live--
	return true
}

// dueOf restores the full due tick of an entry from its low half. This works because the due tick
// is never more than the horizon away from cur.
func (w *Wheel[T]) dueOf(e *entry) uint64 {
	return w.cur + uint64(int64(int32(e.due-uint32(w.cur))))
}

// shift returns the number of low tick bits that a slot of a coarse level spans.
func shift(level int) uint { return fineBits + uint(level-1)*coarseBits }

// slotFor returns the slot in which an entry that is due at due belongs at present.
func (w *Wheel[T]) slotFor(due uint64) int {
	if due-w.cur < fineSlots {
		return int(due % fineSlots)
	}
	for level := 1; level < levels; level++ {
		s := shift(level)
		if (due>>s)-(w.cur>>s) < coarse {
			return coarseSlot(level, due>>s)
		}
	}
	return coarseSlot(levels-1, (w.cur>>shift(levels-1))+coarse-1)
}

func coarseSlot(level int, turn uint64) int {
	return fineSlots + (level-1)*coarse + int(turn%coarse)
}

// mark records whether a slot holds timers.
func (w *Wheel[T]) mark(slot int, full bool) {
	word, bit := &w.fineMap[slot/64%len(w.fineMap)], slot%64
	if slot >= fineSlots {
		word, bit = &w.coarseMap[(slot-fineSlots)/coarse], (slot-fineSlots)%coarse
	}
	if full {
		*word |= 1 << bit
	} else {
		*word &^= 1 << bit
	}
}

// Next returns the first tick at which Advance has something to do: a timer is
// due, or timers move to a finer level. It reports false if the wheel is empty.
func (w *Wheel[T]) Next() (tick uint64, ok bool) {
	if w.live == 0 {
		return 0, false
	}
	next := ^uint64(0)
	if d, ok := w.nextFine(); ok {
		next = w.cur + d
	}
	for level := 1; level < levels; level++ {
		word := w.coarseMap[level-1]
		if word == 0 {
			continue
		}
		turn := w.cur >> shift(level)
		// Distance to the next full slot, counted from the current one: 0 only while timers of the
		// current slot have yet to move to a finer level.
		ahead := bits.TrailingZeros64(bits.RotateLeft64(word, -int(turn%coarse)))
		at := max((turn+uint64(ahead))<<shift(level), w.cur)
		next = min(next, at)
	}
	return next, true
}

// nextFine returns the distance from cur to the next full fine slot.
func (w *Wheel[T]) nextFine() (uint64, bool) {
	start := int(w.cur % fineSlots)
	for i := range len(w.fineMap) + 1 {
		n := (start/64 + i) % len(w.fineMap)
		word := w.fineMap[n]
		switch i {
		case 0:
			word &= ^uint64(0) << (start % 64)
		case len(w.fineMap): // the part of the first word that lies before start
			word &= 1<<(start%64) - 1
		}
		if word != 0 {
			slot := n*64 + bits.TrailingZeros64(word)
			return uint64((slot - start + fineSlots) % fineSlots), true
		}
	}
	return 0, false
}
