package sqlitestore

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// recents is what the table recent has of a plan. A row of it has what one transaction has changed
// of tasks that workers hold, and of claims: one row is written instead of many. Most of them have
// ended, and have their rows in the table task, before so many transactions have come together that
// the others get theirs.
//
// Invariant: a task with changes in the table recent is in rows.tasks, or unread.
type recents struct {
	unread  map[uint32]*recentTask // what was found in the table, by ordinal, and is not in rows.tasks yet
	last    int64                  // the number of the last row
	rows    int                    // how many there are
	tasks   int                    // how many tasks, one in several rows as often
	settled []uint32               // tasks that the next row says to be in the table task
	scratch [3][]byte              // of the columns tasks, data and claims, to be used again
}

// When a plan has so many rows in the table recent, or so many tasks, or eight times as many as
// workers hold, tasks and claims get their own rows.
const (
	maxRecentRows  = 48
	maxRecentTasks = 2048
)

// loadRows returns the rows of a plan with what the table recent has.
func (c *conn) loadRows(p *rollout) (*rows, error) {
	r := newRows(c, p)
	return r, r.loadRecent()
}

// foundRecent is a task of the column tasks as it stands there, and the data of its row.
type foundRecent struct{ text, data []byte }

func (r *rows) loadRecent() error {
	k, found := &r.recent, make(map[uint32]foundRecent)
	err := r.c.each("SELECT number, tasks, claims, data FROM recent WHERE plan = ? ORDER BY number", []any{int64(r.p.ID)}, func(s row) error {
		k.last = s.ColumnInt64(0)
		k.rows++
		var list []json.RawMessage
		if err := json.Unmarshal(s.ColumnRawText(1), &list); err != nil {
			return r.c.corrupt("recent", r.p.ID, "tasks of number %d: %v", k.last, err)
		}
		k.tasks += len(list)
		data := s.ColumnBlob(3, nil)
		for _, text := range list {
			ordinal, only, ok := ordinalOf(text)
			switch {
			case !ok:
				return r.c.corrupt("recent", r.p.ID, "a task of number %d has no ordinal", k.last)
			case only:
				delete(found, ordinal)
			default:
				found[ordinal] = foundRecent{text, data}
			}
		}
		if !r.claims.load(s.ColumnRawBlob(2)) {
			return r.c.corrupt("recent", r.p.ID, "claims of number %d make no sense", k.last)
		}
		return nil
	})
	if err != nil || len(found) == 0 {
		return err
	}
	k.unread = make(map[uint32]*recentTask, len(found))
	for ordinal, f := range found {
		t, err := parseRecent(f.text, f.data)
		if err != nil {
			return r.c.corrupt("recent", r.p.ID, "ordinal %d: %v", ordinal, err)
		}
		k.unread[ordinal] = t
	}
	return nil
}

// ordinalOf returns the first number of an array, and whether it is the only one.
func ordinalOf(text []byte) (ordinal uint32, only, ok bool) {
	i := 1
	for i < len(text) && text[i] >= '0' && text[i] <= '9' {
		i++
	}
	if i == len(text) || text[0] != '[' || text[i] != ',' && text[i] != ']' {
		return 0, false, false
	}
	n, err := strconv.ParseUint(string(text[1:i]), 10, 32)
	return uint32(n), text[i] == ']', err == nil
}

// holds reports whether a worker holds the task, which the table task may not say yet.
func (r *rows) holds(ordinal uint32) bool {
	if t := r.tasks[ordinal]; t != nil {
		return t.Claim != 0
	}
	return r.recent.unread[ordinal] != nil
}

// flushRecent writes what was changed of tasks that workers hold, and of claims.
func (r *rows) flushRecent() {
	k := &r.recent
	switch {
	case len(r.dirty)+len(k.settled)+len(r.claims.dirty) == 0:
	case k.rows >= maxRecentRows || k.tasks+len(r.dirty) > max(maxRecentTasks, 8*r.p.Counters.Held) || r.claims.many ||
		len(r.claims.rows) > maxClaims || len(r.tasks) > maxRemembered:
		r.settleRecent()
	default:
		text, data := append(k.scratch[0][:0], '['), k.scratch[1][:0]
		for _, ordinal := range r.dirty {
			t := r.tasks[ordinal]
			text, data = t.appendRecent(sep(text), data, ordinal, r.claim(t.Claim).worker)
			t.dirty, t.recent = false, true
			k.tasks++
		}
		for _, ordinal := range k.settled {
			if t := r.tasks[ordinal]; t == nil || !t.recent {
				text = append(strconv.AppendUint(append(sep(text), '['), uint64(ordinal), 10), ']')
				k.tasks++
			}
		}
		r.flushed, r.dirty, k.settled = append(r.flushed, r.dirty...), r.dirty[:0], k.settled[:0]
		r.insertRecent(text, data, r.flushClaims(k.scratch[2][:0]))
	}
}

// sep begins the next element of an array.
func sep(text []byte) []byte {
	if len(text) == 1 {
		return text
	}
	return append(text, ',')
}

// insertRecent writes a row. text lacks its last bracket.
func (r *rows) insertRecent(text, data, claims []byte) {
	k := &r.recent
	k.scratch = [...][]byte{append(text, ']'), data, claims}
	k.last++
	k.rows++
	s, err := r.c.prepared("INSERT INTO recent VALUES (?, ?, ?, ?, ?)", nil)
	for i, f := range [...]func() error{
		func() error { return err },
		func() error { return s.BindInt64(1, int64(r.p.ID)) },
		func() error { return s.BindInt64(2, k.last) },
		func() error { return s.BindRawText(3, k.scratch[0]) },
		func() error { return s.BindBlob(4, claims) },
		func() error { return s.BindBlob(5, data) },
		func() error { return s.Exec() },
	} {
		if err := f(); err != nil {
			r.fail(err)
			if i == 0 {
				return
			}
		}
	}
}

// settleRecent gives all tasks and claims their rows. Claims without tasks have none.
func (r *rows) settleRecent() {
	k := &r.recent
	text, data := []byte{'['}, []byte(nil)
	for _, ordinal := range slices.Sorted(maps.Keys(k.unread)) {
		if _, err := r.read(ordinal); err != nil { // the row is damaged; somebody may mend it
			text, data = k.unread[ordinal].append(sep(text), data)
		}
	}
	for _, ordinal := range slices.Sorted(maps.Keys(r.tasks)) {
		if t := r.tasks[ordinal]; t.recent || t.dirty {
			t.dirty, t.recent = false, false
			if err := r.c.saveTask(r.p.ID, ordinal, &t.Task); err != nil {
				r.fail(err)
			}
			r.flushed = append(r.flushed, ordinal)
		}
	}
	r.dirty, k.settled = r.dirty[:0], k.settled[:0]
	claims := r.settleClaims()
	r.exec("DELETE FROM recent WHERE plan = ?", int64(r.p.ID))
	if k.rows, k.tasks = 0, 0; len(text) > 1 || len(claims) > 0 {
		r.insertRecent(text, data, claims)
	}
}

// append appends a task again, as it was read.
func (t *recentTask) append(text, data []byte) (newText, newData []byte) {
	n := t.n
	n[recentAt] = int64(len(data))
	text = append(text, '[')
	for _, n := range n {
		text = append(strconv.AppendInt(text, n, 10), ',')
	}
	text = appendText(append(appendText(text, t.worker), ','), t.step)
	return append(text, ']'), append(data, t.data...)
}
