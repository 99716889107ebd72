package memstore

// ordinals is a set of ordinals as a heap, the least first, or the greatest. The records hold their
// positions in it, so that any ordinal can be removed.
//
// Invariant: tasks.at(list[i]).Index == i, and list[i] is not before list[(i-1)/2].
type ordinals struct {
	list     []uint32
	downward bool // the greatest first
}

// first returns the first ordinal, or 0 if the set is empty.
func (h *ordinals) first() uint32 {
	if len(h.list) == 0 {
		return 0
	}
	return h.list[0]
}

func (h *ordinals) before(a, b uint32) bool {
	if h.downward {
		return a > b
	}
	return a < b
}

func (h *ordinals) push(tasks *shelf, ordinal uint32) {
	h.list = append(h.list, ordinal)
	h.up(tasks, len(h.list)-1)
}

func (h *ordinals) remove(tasks *shelf, pos uint32) {
	end := len(h.list) - 1
	last := h.list[end]
	h.list[pos] = last
	h.list = h.list[:end]
	if i := int(pos); i < end {
		h.up(tasks, i)
		h.down(tasks, int(tasks.at(last).Index))
	}
}

// up puts the element at i into its place among those above it.
func (h *ordinals) up(tasks *shelf, i int) {
	ordinal := h.list[i]
	for i > 0 {
		parent := (i - 1) / 2
		if !h.before(ordinal, h.list[parent]) {
			break
		}
		h.set(tasks, i, h.list[parent])
		i = parent
	}
	h.set(tasks, i, ordinal)
}

// down puts the element at i into its place among those below it.
func (h *ordinals) down(tasks *shelf, i int) {
	ordinal := h.list[i]
	for {
		child := 2*i + 1
		if child >= len(h.list) {
			break
		}
		if child+1 < len(h.list) && h.before(h.list[child+1], h.list[child]) {
			child++
		}
		if !h.before(h.list[child], ordinal) {
			break
		}
		h.set(tasks, i, h.list[child])
		i = child
	}
	h.set(tasks, i, ordinal)
}

func (h *ordinals) set(tasks *shelf, i int, ordinal uint32) {
	h.list[i] = ordinal
	tasks.at(ordinal).Index = uint32(i)
}
