package redisack

import "container/heap"

// agenda orders members by the time at which something is due for them. One goroutine and one timer
// serve all of them: a waiting endpoint costs no goroutine, timer or context.
type agenda []*member

// put enters a member, or moves it after its due time has changed.
func (a *agenda) put(m *member) {
	if m.pos >= 0 {
		heap.Fix(a, m.pos)
		return
	}
	heap.Push(a, m)
}

// drop takes a member out, if it is there.
func (a *agenda) drop(m *member) {
	if m.pos >= 0 {
		heap.Remove(a, m.pos)
	}
}

// first returns the member that is due first, nil if there is none.
func (a agenda) first() *member {
	if len(a) == 0 {
		return nil
	}
	return a[0]
}

// Len, Less, Swap, Push and Pop are for container/heap.
func (a agenda) Len() int           { return len(a) }
func (a agenda) Less(i, j int) bool { return a[i].due < a[j].due }

func (a agenda) Swap(i, j int) {
	a[i], a[j] = a[j], a[i]
	a[i].pos, a[j].pos = i, j
}

// Push appends.
func (a *agenda) Push(x any) {
	m, _ := x.(*member)
	m.pos = len(*a)
	*a = append(*a, m)
}

// Pop takes the last one off.
func (a *agenda) Pop() any {
	end := len(*a) - 1
	m := (*a)[end]
	(*a)[end] = nil
	*a = (*a)[:end]
	m.pos = -1
	return m
}
