package redistable

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"

	"github.com/cutover-go/cutover/gateway"
)

// state is what a look at the table returns.
type state struct {
	rev, logged uint64
	id          string
	count, have int64 // rows according to the head, and in fact
	log         []entry
}

// entry is one save in the log.
type entry struct {
	rev      uint64
	prev, id string
	rows     string // JSON; empty if they are not kept
}

// loadTries is the maximum number of tries to read a table that is replaced meanwhile.
const loadTries = 5

// load brings what is known up to date. The rows that changed come from the log. If that does not
// have them, all rows are read in pieces, and then what has changed meanwhile.
func (t *Table) load(ctx context.Context) (snapshot, error) {
	known := t.snapshot()
	s, err := t.look(ctx, known.rev)
	if err != nil {
		return snapshot{}, err
	}
	if err := t.compare(known, s); err != nil {
		return snapshot{}, err
	}
	next, ok, err := t.advance(known, s)
	for try := 0; !ok && err == nil && try < loadTries; try++ {
		next, ok, err = t.readAll(ctx, s)
		if err == nil && ok {
			err = t.wentOn(known, next)
		} else if err == nil {
			s, err = t.look(ctx, s.rev)
		}
	}
	if err == nil && !ok {
		err = fmt.Errorf("redistable: table %s was replaced again and again while it was read", t.name)
	}
	if err != nil {
		return snapshot{}, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known.rev < next.rev {
		t.known = next
	}
	return t.known, nil
}

// look returns the state of the table, with the log after a revision.
func (t *Table) look(ctx context.Context, after uint64) (state, error) {
	reply, err := t.call(ctx, follow, t.keys(), after+1)
	if err != nil {
		return state{}, err
	}
	s, ok := parseState(reply)
	switch {
	case !ok:
		return s, t.damaged(fmt.Sprintf("its head is %.200v", reply))
	case s.count != s.have:
		return s, t.damaged(fmt.Sprintf("it has %d rows and should have %d", s.have, s.count))
	case s.logged != s.rev:
		return s, t.damaged(fmt.Sprintf("its log ends at revision %d, the table is at %d", s.logged, s.rev))
	}
	return s, nil
}

// compare returns an error if a table is not a later one than what is known.
func (t *Table) compare(known snapshot, s state) error {
	if s.rev < known.rev {
		return t.wentBack(known.rev, s.rev)
	}
	next := s.id // of the save that made the known revision, according to Redis
	if s.rev > known.rev {
		if len(s.log) == 0 || s.log[0].rev != known.rev+1 {
			return nil // too long ago
		}
		next = s.log[0].prev
	}
	if next != known.id {
		return t.otherHistory(known.rev)
	}
	return nil
}

// wentOn returns an error if a row has a lower revision than it had.
func (t *Table) wentOn(known, next snapshot) error {
	for tenant, row := range known.rows {
		if now, ok := next.rows[tenant]; ok && now.Rev < row.Rev {
			return t.damaged(fmt.Sprintf("the row of %s went back from revision %d to %d, as after the restoration of a copy", tenant, row.Rev, now.Rev))
		}
	}
	return nil
}

// advance returns a snapshot with the changes of a log. It is not ok if the log does not have them.
func (t *Table) advance(from snapshot, s state) (next snapshot, ok bool, err error) {
	if s.rev == from.rev {
		return from, true, nil
	}
	rev := from.rev
	for _, e := range s.log {
		if rev++; e.rev != rev || e.rows == "" {
			return from, false, nil
		}
	}
	if rev != s.rev {
		return from, false, nil
	}
	rows := maps.Clone(from.rows)
	if rows == nil {
		rows = gateway.Rows{}
	}
	for _, e := range s.log {
		var flat []string
		if err := json.Unmarshal([]byte(e.rows), &flat); err != nil {
			return from, false, t.damaged(fmt.Sprintf("its log has %.80q", e.rows))
		}
		if err := t.parseRows(rows, flat); err != nil {
			return from, false, err
		}
	}
	if int64(len(rows)) != s.count {
		return from, false, t.damaged(fmt.Sprintf("it has %d rows, and %d by its log", s.count, len(rows)))
	}
	return snapshot{rows, s.rev, s.id}, true, nil
}

// readAll reads all rows in pieces, and then what has changed since s: a piece may have later rows
// than another one, and the log has all of these. It is not ok if the table was replaced meanwhile.
func (t *Table) readAll(ctx context.Context, s state) (next snapshot, ok bool, err error) {
	rows := make(gateway.Rows, s.count)
	for cursor := "0"; ; {
		reply, err := t.call(ctx, scan, []string{t.key("rows")}, cursor)
		if err != nil {
			return next, false, err
		}
		var flat []string
		if len(reply) == 2 {
			cursor, _ = reply[0].(string)
			flat = texts(reply[1])
		}
		if err := t.parseRows(rows, flat); err != nil {
			return next, false, err
		}
		if cursor == "0" || cursor == "" {
			break
		}
	}
	now, err := t.look(ctx, s.rev)
	if err != nil {
		return next, false, err
	}
	next, ok, err = t.advance(snapshot{rows, s.rev, s.id}, now)
	if err == nil && ok && (int64(len(next.rows)) != now.count || now.rev == s.rev && now.id != s.id) {
		ok = false
	}
	return next, ok, err
}

// parseRows adds rows that are given as tenant, row, tenant, row.
func (t *Table) parseRows(rows gateway.Rows, flat []string) error {
	if len(flat)%2 != 0 {
		return t.damaged("a row without a value")
	}
	for i := 0; i < len(flat); i += 2 {
		row, err := gateway.ParseRow(flat[i+1])
		if err == nil {
			err = gateway.CheckTenant(flat[i])
		}
		if err != nil {
			return t.damaged(err.Error())
		}
		rows[flat[i]] = row
	}
	return nil
}

func parseState(reply []any) (s state, ok bool) {
	if len(reply) != 6 {
		return s, false
	}
	head := texts(reply[:5])
	entries, isList := reply[5].([]any)
	if len(head) != 5 || !isList {
		return s, false
	}
	numbers := make([]uint64, 5)
	for _, i := range []int{0, 2, 3, 4} {
		n, err := strconv.ParseUint(head[i], 10, 63)
		if err != nil {
			return s, false
		}
		numbers[i] = n
	}
	s = state{rev: numbers[0], id: head[1], count: int64(numbers[2]), have: int64(numbers[3]), logged: numbers[4]} //nolint:gosec // 63 bits
	for _, one := range entries {
		e, ok := parseEntry(one)
		if !ok {
			return s, false
		}
		s.log = append(s.log, e)
	}
	return s, true
}

func parseEntry(value any) (e entry, ok bool) {
	pair, _ := value.([]any)
	if len(pair) != 2 {
		return e, false
	}
	fields := texts(pair[1])
	if len(fields) != 6 {
		return e, false
	}
	if n, err := fmt.Sscanf(fmt.Sprint(pair[0]), "%d-0", &e.rev); n != 1 || err != nil {
		return e, false
	}
	e.prev, e.id, e.rows = fields[1], fields[3], fields[5]
	return e, true
}

// texts returns the texts of a list, nil if there is anything else in it.
func texts(value any) []string {
	list, _ := value.([]any)
	all := make([]string, 0, len(list))
	for _, one := range list {
		text, ok := one.(string)
		if !ok {
			return nil
		}
		all = append(all, text)
	}
	return all
}
