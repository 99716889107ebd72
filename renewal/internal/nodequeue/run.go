package nodequeue

import (
	"cmp"
	"slices"
	"time"
)

// resort is the minimum time between two sorts of a queue.
const resort = 100 * time.Millisecond

// run is the part of a queue that is sorted by the time left.
type run[T any] struct {
	items []Item[T]
	at    int // index of the next item
}

func (r *run[T]) len() int { return len(r.items) - r.at }

// take moves up to limit items to the end of out.
func (r *run[T]) take(out []Item[T], limit int) []Item[T] {
	n := min(limit, r.len())
	out = append(out, r.items[r.at:r.at+n]...)
	if r.at += n; r.at == len(r.items) {
		r.items, r.at = nil, 0
	}
	return out
}

// sort moves the retries and the due values into the run. The caller holds mu, which sort releases
// while it sorts; during that time the other workers go on with newly pushed values. The longer a
// sort takes, the longer the wait until the next one: sorting takes a tenth of the time of one
// worker at most.
func (q *Queue[T]) sort(now time.Duration) {
	q.sorting = true
	before := q.run.items[q.run.at:]
	q.run = run[T]{}
	fresh := q.retries.take(nil, q.retries.n)
	fresh = q.due.take(fresh, q.due.n)
	q.mu.Unlock()
	slices.SortFunc(fresh, byDeadline)
	merged := merge(before, fresh)
	q.mu.Lock()
	q.run, q.sorting = run[T]{items: merged}, false
	q.nextSort = now + max(resort, 10*(q.opt.Now()-now))
}

func byDeadline[T any](a, b Item[T]) int { return cmp.Compare(a.Deadline, b.Deadline) }

// merge joins two sorted lists.
func merge[T any](a, b []Item[T]) []Item[T] {
	if len(a) == 0 {
		return b
	}
	out := make([]Item[T], 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if byDeadline(b[0], a[0]) < 0 {
			out, b = append(out, b[0]), b[1:]
		} else {
			out, a = append(out, a[0]), a[1:]
		}
	}
	return append(append(out, a...), b...)
}
