package sqlitestore

import (
	"encoding/binary"
	"slices"

	"github.com/cutover-go/cutover/store/rules"
)

// claimRow is a row of the table claim.
type claimRow struct {
	id, worker string
	tasks      []uint32
	idle       int64
	dirty      bool
}

func (c *claimRow) add(ordinal uint32) { c.tasks, c.dirty = append(c.tasks, ordinal), true }

func (c *claimRow) drop(ordinal uint32) {
	if i := slices.Index(c.tasks, ordinal); i >= 0 {
		c.tasks, c.dirty = slices.Delete(c.tasks, i, i+1), true
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
	if c := r.claims[number]; c != nil {
		return c
	}
	c, known := &claimRow{}, false
	found, err := r.c.one("SELECT id, worker, tasks, idle FROM claim WHERE plan = ? AND number = ?", []any{int64(r.p.ID), number}, func(s row) {
		c.id, c.worker, c.idle = s.ColumnText(0), s.ColumnText(1), s.ColumnInt64(3)
		c.tasks, known = decodeOrdinals(s.ColumnRawBlob(2))
	})
	switch {
	case err != nil:
		r.fail(err)
	case !found || !known:
		r.fail(r.c.corrupt("claim", r.p.ID, "claim %d is missing, or its tasks make no sense", number))
	}
	r.claims[number] = c
	return c
}

// Claim implements rules.Rows.
func (r *rows) Claim(id string) (number uint32, known bool) {
	n, err := r.c.number("SELECT number FROM claim WHERE plan = ? AND id = ?", int64(r.p.ID), id)
	if err != nil {
		r.fail(err)
	}
	return uint32(n), n != 0
}

// Open implements rules.Rows.
func (r *rows) Open(id, worker string) uint32 {
	r.p.Marks.Claims++
	r.claims[r.p.Marks.Claims] = &claimRow{id: id, worker: worker, dirty: true}
	return r.p.Marks.Claims
}

// Held implements rules.Rows.
func (r *rows) Held(number uint32, to []uint32) []uint32 { return append(to, r.claim(number).tasks...) }

// Worker implements rules.Rows.
func (r *rows) Worker(number uint32) string { return r.claim(number).worker }

// flushClaims writes the claims that were changed. Those without tasks stay for a while, so that
// they are recognized when they are sent again.
func (r *rows) flushClaims() {
	for number, c := range r.claims {
		if !c.dirty {
			continue
		}
		c.dirty = false
		if c.idle = 0; len(c.tasks) == 0 {
			c.idle = r.idle()
		}
		r.exec("REPLACE INTO claim VALUES (?, ?, ?, ?, ?, ?)", int64(r.p.ID), number, c.id, c.worker, encodeOrdinals(c.tasks), c.idle)
	}
}

// idle returns the number of the next claim without tasks. Now and then it deletes those that need
// not be remembered.
func (r *rows) idle() int64 {
	p := r.p
	p.idle++
	if p.idle%rules.KeptClaims == 0 {
		r.exec("DELETE FROM claim WHERE plan = ? AND idle BETWEEN 1 AND ?", int64(p.ID), p.idle-rules.KeptClaims)
	}
	return p.idle
}
