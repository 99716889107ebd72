package redisack

import "container/heap"

// agenda orders members by the time at which they are due. One goroutine and one timer serve all
// members: a waiting endpoint needs no goroutine, timer or context.
type agenda []*member

// put adds a member, or moves it if its due time has changed.
func (a *agenda) put(m *member) {
	if m.pos >= 0 {
		heap.Fix(a, m.pos)
		return
	}
	heap.Push(a, m)
}

// drop removes a member, if it is in the agenda.
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

// Pop removes the last member and returns it.
func (a *agenda) Pop() any {
	end := len(*a) - 1
	m := (*a)[end]
	(*a)[end] = nil
	*a = (*a)[:end]
	m.pos = -1
	return m
}
