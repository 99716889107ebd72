package memstore

// ordinals is a set of ordinals as a heap, the least first. The records hold their positions in it,
// so that any ordinal can be removed.
//
// Invariant: tasks.at(h[i]).pos == i, and h[i] >= h[(i-1)/2].
type ordinals []uint32

func (h *ordinals) push(tasks *shelf, ordinal uint32) {
	*h = append(*h, ordinal)
	h.up(tasks, len(*h)-1)
}

func (h *ordinals) remove(tasks *shelf, pos uint32) {
	s := *h
	end := len(s) - 1
	s[pos] = s[end]
	*h = s[:end]
	if i := int(pos); i < end {
		h.up(tasks, i)
		h.down(tasks, int(tasks.at(s[end]).pos))
	}
}

// up puts the element at i into its place among those above it.
func (h ordinals) up(tasks *shelf, i int) {
	ordinal := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent] <= ordinal {
			break
		}
		h.set(tasks, i, h[parent])
		i = parent
	}
	h.set(tasks, i, ordinal)
}

// down puts the element at i into its place among those below it.
func (h ordinals) down(tasks *shelf, i int) {
	ordinal := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1] < h[child] {
			child++
		}
		if h[child] >= ordinal {
			break
		}
		h.set(tasks, i, h[child])
		i = child
	}
	h.set(tasks, i, ordinal)
}

func (h ordinals) set(tasks *shelf, i int, ordinal uint32) {
	h[i] = ordinal
	tasks.at(ordinal).pos = uint32(i)
}
