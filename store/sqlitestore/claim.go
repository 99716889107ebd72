package sqlitestore

import (
	"encoding/binary"
	"slices"
)

// claims are those of a plan that were read, or all of them: then known has their numbers by their
// ids, and is not nil.
type claims struct {
	rows  map[uint32]*claimRow
	known map[string]uint32
	many  bool // they are too many to know all
	dirty []uint32
	idle  []uint32 // those that hold no task, which only the table recent has, by when they lost the last one
}

// maxClaims is how many claims of a plan are remembered.
const maxClaims = 4096

// claimRow is a claim.
type claimRow struct {
	id, worker string
	tasks      []uint32
	dirty      bool
	recent     bool // the table recent has changes of it
	stored     bool // the table claim may have a row of it
	needed     bool // the table claim has to have a row of it: a task's row names it
	idle       bool // it is in the list of these
}

// change notes that a claim is to be written.
func (k *claims) change(number uint32, c *claimRow) {
	if !c.dirty {
		c.dirty, k.dirty = true, append(k.dirty, number)
	}
}

// enter gives a claim a task.
func (r *rows) enter(number, ordinal uint32) {
	c := r.claim(number)
	c.tasks = append(c.tasks, ordinal)
	r.claims.change(number, c)
}

// leave takes a task from a claim.
func (r *rows) leave(number, ordinal uint32) {
	c := r.claim(number)
	if i := slices.Index(c.tasks, ordinal); i >= 0 {
		c.tasks = slices.Delete(c.tasks, i, i+1)
		r.claims.change(number, c)
	}
}

func encodeOrdinals(list []uint32) []byte {
	b := make([]byte, 0, 4*len(list))
	for _, o := range list {
		b = binary.BigEndian.AppendUint32(b, o)
	}
	return b
}

// decodeOrdinals returns false if b is no list of ordinals.
func decodeOrdinals(b []byte) (list []uint32, ok bool) {
	for ; len(b) >= 4; b = b[4:] {
		o := binary.BigEndian.Uint32(b)
		list = append(list, o)
		ok = ok || o == 0
	}
	return list, len(b) == 0 && !ok
}

// claim returns a claim that holds tasks, an empty one if it is lost.
func (r *rows) claim(number uint32) *claimRow {
	if c := r.claims.rows[number]; c != nil {
		return c
	}
	c, known := &claimRow{stored: true}, false
	found, err := r.c.one("SELECT id, worker, tasks FROM claim WHERE plan = ? AND number = ?", []any{int64(r.p.ID), number}, func(s row) {
		c.id, c.worker = s.ColumnText(0), s.ColumnText(1)
		c.tasks, known = decodeOrdinals(s.ColumnRawBlob(2))
	})
	switch {
	case err != nil:
		r.fail(err)
	case !found || !known:
		r.fail(r.c.corrupt("claim", r.p.ID, "claim %d is missing, or its tasks make no sense", number))
	}
	r.claims.put(number, c)
	return c
}

func (k *claims) put(number uint32, c *claimRow) {
	if k.rows == nil {
		k.rows = make(map[uint32]*claimRow)
	}
	k.rows[number] = c
}

// loadClaims reads all claims, unless they are too many. Those that make no sense are left to the
// call that needs them.
func (r *rows) loadClaims() {
	k := &r.claims
	if k.many || k.known != nil {
		return
	}
	known := make(map[string]uint32)
	err := r.c.each("SELECT number, id, worker, tasks FROM claim WHERE plan = ? LIMIT ?", []any{int64(r.p.ID), maxClaims + 1}, func(s row) error {
		number := uint32(s.ColumnInt64(0))
		c := &claimRow{id: s.ColumnText(1), worker: s.ColumnText(2), stored: true}
		known[c.id] = number
		tasks, good := decodeOrdinals(s.ColumnRawBlob(3))
		if c.tasks = tasks; good && k.rows[number] == nil {
			k.put(number, c)
		}
		return nil
	})
	switch {
	case err != nil:
		r.fail(err)
	case len(known) > maxClaims:
		k.many = true
	default:
		for number, c := range k.rows {
			known[c.id] = number
		}
		k.known = known
	}
}

// Claim implements rules.Rows.
func (r *rows) Claim(id string) (number uint32, known bool) {
	r.loadClaims()
	if r.claims.known != nil {
		number, known = r.claims.known[id]
		return number, known
	}
	for number, c := range r.claims.rows {
		if c.id == id {
			return number, true
		}
	}
	n, err := r.c.number("SELECT number FROM claim WHERE plan = ? AND id = ?", int64(r.p.ID), id)
	if err != nil {
		r.fail(err)
	}
	return uint32(n), n != 0
}

// Open implements rules.Rows.
func (r *rows) Open(id, worker string) uint32 {
	r.p.Marks.Claims++
	number, c := r.p.Marks.Claims, &claimRow{id: id, worker: worker}
	r.claims.put(number, c)
	r.claims.change(number, c)
	if r.claims.known != nil {
		r.claims.known[id] = number
	}
	return number
}

// Held implements rules.Rows.
func (r *rows) Held(number uint32, to []uint32) []uint32 { return append(to, r.claim(number).tasks...) }

// Worker implements rules.Rows.
func (r *rows) Worker(number uint32) string { return r.claim(number).worker }
