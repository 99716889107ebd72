package sqlitestore

import "slices"

// pendings are the pending tasks among the ordinals from first to last, as far as the writer has
// looked: a claim usually takes the next one, and every commit asks whether there is one. It is
// empty, and knows nothing, if first is 0.
//
// Invariant: list has exactly those that are PENDING, in ascending order; every change of a task
// goes through rows.Changed, which keeps it so.
type pendings struct {
	first, last uint32
	list        []uint32
}

// pendingsAhead is how many pending tasks one look collects.
const pendingsAhead = 200

// next returns the first pending task from an ordinal on. It is 0 if there is none up to the
// ordinal upTo, after which nothing is known.
func (k *pendings) next(from uint32) (ordinal, upTo uint32) {
	if k.first == 0 || from < k.first || from > k.last {
		return 0, from - 1
	}
	i, _ := slices.BinarySearch(k.list, from)
	if i == len(k.list) {
		return 0, k.last
	}
	return k.list[i], 0
}

// changed notes whether a task is pending now.
func (k *pendings) changed(ordinal uint32, pending bool) {
	if ordinal < k.first || ordinal > k.last {
		return
	}
	i, is := slices.BinarySearch(k.list, ordinal)
	switch {
	case is && !pending:
		k.list = slices.Delete(k.list, i, i+1)
	case !is && pending:
		k.list = slices.Insert(k.list, i, ordinal)
	}
}

// nextPending looks at a window of tasks upwards.
func (r *rows) nextPending(from, until uint32) (first uint32, known bool) {
	first, upTo := r.p.pending.next(from)
	if first == 0 && upTo < until {
		begin := upTo + 1
		r.look(begin, min(until, from+window-1, begin+window-1))
		first, upTo = r.p.pending.next(begin)
	}
	switch {
	case first > until:
		return 0, true
	case first == 0 && upTo < until:
		return upTo, false
	}
	return first, true
}

// look reads which of the tasks from first to last are pending, up to as many as are kept. The
// writer reads them as a whole: it is to claim them next, and to find each by itself takes longer.
func (r *rows) look(first, last uint32) {
	k := &r.p.pending
	*k = pendings{first: first, last: last, list: k.list[:0]}
	if last < first {
		*k = pendings{}
		return
	}
	r.flushTasks()
	seen, end, columns := 0, uint32(0), "t.ordinal"
	if clear(r.ahead); r.ahead != nil {
		columns = taskColumns
	}
	err := r.c.each("SELECT "+columns+" FROM task AS t WHERE t.plan = ? AND t.ordinal BETWEEN ? AND ? AND t.state = 0 ORDER BY t.ordinal LIMIT ?",
		[]any{int64(r.p.ID), first, last, pendingsAhead}, func(s row) error {
			seen, end = seen+1, uint32(s.ColumnInt64(0))
			if r.holds(end) {
				return nil
			}
			k.list = append(k.list, end)
			if t := (&taskRow{}); r.ahead != nil && r.tasks[end] == nil && scanTask(s, &t.Task) == nil && t.length() <= maxLength {
				t.due = dueOf(&t.Task)
				r.ahead[end] = t // a damaged one is read again, for the error
			}
			return nil
		})
	if err != nil {
		*k = pendings{}
		r.fail(err)
	} else if seen == pendingsAhead {
		k.last = end
	}
}
