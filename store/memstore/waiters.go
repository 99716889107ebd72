package memstore

// waiters is a set of waiting tasks as a heap, the one that is due first at the top. The records
// hold their positions in it.
//
// Invariant: tasks.at(list[i]).Index == i.
type waiters struct {
	tasks *shelf
	list  []uint32
}

func (w *waiters) Len() int { return len(w.list) }

func (w *waiters) Less(i, j int) bool {
	a, b := w.tasks.at(w.list[i]).WaitUntil(), w.tasks.at(w.list[j]).WaitUntil()
	return a < b || a == b && w.list[i] < w.list[j]
}

func (w *waiters) Swap(i, j int) {
	w.list[i], w.list[j] = w.list[j], w.list[i]
	w.tasks.at(w.list[i]).Index, w.tasks.at(w.list[j]).Index = uint32(i), uint32(j)
}

// Push implements heap.Interface.
func (w *waiters) Push(x any) {
	ordinal := x.(uint32)
	w.tasks.at(ordinal).Index = uint32(len(w.list))
	w.list = append(w.list, ordinal)
}

// Pop implements heap.Interface.
func (w *waiters) Pop() any {
	last := w.list[len(w.list)-1]
	w.list = w.list[:len(w.list)-1]
	return last
}

// first returns the task that is due first, or 0.
func (w *waiters) first() uint32 {
	if len(w.list) == 0 {
		return 0
	}
	return w.list[0]
}
