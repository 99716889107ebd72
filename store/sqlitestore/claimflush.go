package sqlitestore

import (
	"encoding/binary"
	"maps"
	"slices"

	"github.com/cutover-go/cutover/store/rules"
)

// append appends a claim to the column claims of the table recent.
func (c *claimRow) append(b []byte, number uint32) []byte {
	b = binary.AppendUvarint(b, uint64(number))
	for _, text := range [...]string{c.id, c.worker} {
		b = append(binary.AppendUvarint(b, uint64(len(text))), text...)
	}
	b = binary.AppendUvarint(b, uint64(len(c.tasks)))
	for _, o := range c.tasks {
		b = binary.AppendUvarint(b, uint64(o))
	}
	return b
}

// load reads the column claims of a row of the table recent. It returns false if it makes no sense.
func (k *claims) load(b []byte) bool {
	number := func() (n uint64) {
		n, size := binary.Uvarint(b)
		if size <= 0 || n > 1<<32-1 {
			b = nil
			return 0
		}
		b = b[size:]
		return n
	}
	text := func() (s string) {
		n := number()
		if n > uint64(len(b)) {
			b = nil
			return ""
		}
		s, b = string(b[:n]), b[n:]
		return s
	}
	for len(b) > 0 {
		n, c := uint32(number()), &claimRow{id: text(), worker: text(), recent: true, stored: true}
		held := number()
		if n == 0 || c.id == "" || held > uint64(len(b)) {
			return false
		}
		for range held {
			o := uint32(number())
			if o == 0 {
				return false
			}
			c.tasks = append(c.tasks, o)
		}
		k.put(n, c)
		k.retire(n, c)
	}
	return true
}

// retire notes that a claim holds no task, if so. Those that need not be remembered are forgotten.
func (k *claims) retire(number uint32, c *claimRow) {
	if len(c.tasks) > 0 || c.idle {
		return
	}
	c.idle, k.idle = true, append(k.idle, number)
	if len(k.idle) < 2*rules.KeptClaims {
		return
	}
	for _, n := range k.idle[:rules.KeptClaims] {
		if old := k.rows[n]; old != nil {
			delete(k.known, old.id)
			delete(k.rows, n)
		}
	}
	k.idle = slices.Delete(k.idle, 0, rules.KeptClaims)
}

// flushClaims appends the claims that were changed to the column claims. Those that rows of tasks
// name, and those that have rows and hold no task any more, are written to the table claim as well.
func (r *rows) flushClaims(b []byte) []byte {
	k := &r.claims
	for _, number := range k.dirty {
		c := k.rows[number]
		b = c.append(b, number)
		c.dirty, c.recent = false, true
		if c.needed && !c.stored || c.stored && len(c.tasks) == 0 {
			r.storeClaim(number, c)
		}
		k.retire(number, c)
	}
	k.dirty = k.dirty[:0]
	if k.known == nil { // they are not all that there are
		maps.DeleteFunc(k.rows, func(_ uint32, c *claimRow) bool { return !c.recent && !c.idle })
	}
	return b
}

// storeClaim writes or deletes a claim's row.
func (r *rows) storeClaim(number uint32, c *claimRow) {
	switch {
	case len(c.tasks) > 0:
		r.exec("REPLACE INTO claim VALUES (?, ?, ?, ?, ?)", int64(r.p.ID), number, c.id, c.worker, encodeOrdinals(c.tasks))
	case c.stored:
		r.exec("DELETE FROM claim WHERE plan = ? AND number = ?", int64(r.p.ID), number)
	}
	c.stored = len(c.tasks) > 0
}

// settleClaims writes all claims that hold tasks to the table claim, and returns the others for the
// column claims. What is remembered of claims is bounded.
func (r *rows) settleClaims() (b []byte) {
	k := &r.claims
	for _, number := range slices.Sorted(maps.Keys(k.rows)) {
		c := k.rows[number]
		if c == nil || !c.recent && !c.dirty {
			continue
		}
		r.storeClaim(number, c)
		c.dirty, c.recent = false, false
		k.retire(number, c)
	}
	k.dirty = k.dirty[:0]
	for _, number := range k.idle {
		if c := k.rows[number]; c != nil {
			b = c.append(b, number)
		}
	}
	if k.known == nil || len(k.rows) > maxClaims {
		k.many, k.known = k.known != nil || k.many, nil
		maps.DeleteFunc(k.rows, func(_ uint32, c *claimRow) bool { return !c.idle })
	}
	return b
}
