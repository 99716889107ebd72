package wheel

// budget is the number of timers that one Advance may move to a finer level for each value that it
// has room for. It bounds how long the owner holds its lock.
const budget = 4

// Advance moves the wheel towards tick now and appends due values to out, up to its capacity. It
// returns the extended slice. more reports that the capacity, or the work allowed in one call, ran
// out before now was reached: call again. Values come in the order of their due ticks; within one
// tick the order is unspecified.
//
// A now before [Wheel.Now] changes nothing.
func (w *Wheel[T]) Advance(now uint64, out []T) (due []T, more bool) {
	work := budget * max(cap(out)-len(out), 1)
	for {
		next, ok := w.Next()
		if !ok || next > now {
			w.cur = max(w.cur, now)
			return out, false
		}
		w.cur = next
		if work = w.cascade(work); work <= 0 {
			return out, true
		}
		var left bool
		if out, left = w.fire(out); left {
			return out, true
		}
	}
}

// cascade moves the entries of every coarse slot that begins at cur to finer
// levels, coarsest first, and returns what is left of the allowed work.
func (w *Wheel[T]) cascade(work int) int {
	for level := levels - 1; level > 0; level-- {
		s := shift(level)
		if w.cur&(1<<s-1) != 0 {
			continue
		}
		slot := coarseSlot(level, w.cur>>s)
		for w.heads[slot] != 0 {
			if work == 0 {
				return 0
			}
			work--
			i := w.pop(slot)
			e := w.entries.at(i)
			w.link(i, e, w.dueOf(e))
		}
	}
	return work
}

// fire appends the values in cur's own slot to out, up to its capacity, and reports whether any
// remain in the slot.
func (w *Wheel[T]) fire(out []T) (due []T, left bool) {
	slot := int(w.cur % fineSlots)
	for w.heads[slot] != 0 {
		if len(out) == cap(out) {
			return out, true
		}
		i := w.pop(slot)
		out = append(out, *w.entries.value(i))
		w.entries.release(i)
		w.live--
	}
	return out, false
}
