package pgstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store/rules"
)

// claimArray is a claim in one value, for putClaim: a query within the one for its task, or for its
// id, is carried out by the key, whatever the planner knows of the tables.
const claimArray = "ARRAY[c.id, c.worker, c.held::text, c.ended::text, c.number::text]"

// putClaim adds a claim that was read.
func (r *rows) putClaim(number int64, columns []string) error {
	c := rules.ClaimRow{Number: uint32(number), ID: decoded(columns[0]), Worker: decoded(columns[1])} //nolint:gosec // as it was written
	held, good := ordinalsIn(columns[2])
	ended, err := strconv.ParseUint(columns[3], 10, 32)
	if !good || err != nil || (ended == 0) != (len(held) > 0) {
		return r.p.s.corrupt("claim", r.p.ID, "the tasks of claim %d make no sense", number)
	}
	c.Held, c.Ended = held, uint32(ended)
	r.stored[c.Number] = columns[2]
	r.puts = append(r.puts, func() { r.PutClaim(c) })
	return nil
}

// ordinalsIn reads an array as PostgreSQL writes it.
func ordinalsIn(text string) (list []uint32, good bool) {
	inner, begins := strings.CutPrefix(text, "{")
	inner, ends := strings.CutSuffix(inner, "}")
	if !begins || !ends {
		return nil, false
	}
	if inner == "" {
		return nil, true
	}
	for word := range strings.SplitSeq(inner, ",") {
		n, err := strconv.ParseUint(word, 10, 31)
		if err != nil || n == 0 {
			return nil, false
		}
		list = append(list, uint32(n))
	}
	return list, true
}

// readClaims reads the claims that are named. Usually there are none: who sends a claim again is
// assigned the tasks that it holds.
func (r *rows) readClaims(t *tx, n *rules.Need) {
	if len(n.Claims) == 0 {
		return
	}
	ids := make([]string, len(n.Claims))
	for i, id := range n.Claims {
		ids[i] = encoded(id)
	}
	t.each(func(from pgx.Rows) error {
		var claim []string
		if err := from.Scan(&claim); err != nil || claim == nil {
			return err
		}
		number, err := strconv.ParseInt(claim[4], 10, 64)
		if err == nil {
			err = r.putClaim(number, claim)
		}
		if err == nil {
			held, _ := ordinalsIn(claim[2])
			r.repeated = append(r.repeated, ordinalsOf(held)...)
		}
		return err
	}, "SELECT (SELECT "+claimArray+" FROM @.claim AS c WHERE c.plan = $1 AND c.id = u.id) FROM unnest($2::text[]) AS u (id)", int64(r.p.ID), ids)
}

// forgetEvery is the number of claims after which those that need not be remembered are deleted:
// all of the plan are looked at then.
const forgetEvery = 8 * rules.KeptClaims

// claimRows are claims that are written together.
type claimRows struct {
	number, ended    []int64
	id, worker, held []string
}

func (r *claimRows) add(c *rules.ClaimRow) {
	r.number, r.ended = append(r.number, int64(c.Number)), append(r.ended, int64(c.Ended))
	r.id, r.worker, r.held = append(r.id, encoded(c.ID)), append(r.worker, encoded(c.Worker)), append(r.held, array(c.Held))
}

// saveClaims writes the claims that have changed. Those without tasks stay for a while, so that
// they are recognized when they are sent again.
func (r *rows) saveClaims(t *tx) {
	var opened, left claimRows
	var before []string
	forget := false
	for c := range r.Claims() {
		if had, is := r.stored[c.Number]; is {
			left.add(c)
			before = append(before, had)
		} else {
			opened.add(c)
		}
		forget = forget || c.Ended != 0 && c.Number%forgetEvery == 0
	}
	if n := len(opened.number); n > 0 {
		t.exec(`INSERT INTO @.claim (plan, number, id, worker, held, ended) SELECT $1::bigint, u.number, u.id, u.worker, u.held::int[], u.ended
			FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS u (number, id, worker, held, ended)`,
			int64(r.p.ID), opened.number, opened.id, opened.worker, opened.held, opened.ended)
	}
	if n := len(left.number); n > 0 {
		t.checked(n, `UPDATE @.claim AS c SET held = u.held::int[], ended = u.ended FROM (
			SELECT (SELECT k.ctid FROM @.claim AS k WHERE k.plan = $1 AND k.number = v.number) AS ctid, v.held, v.before, v.ended
			FROM unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[]) AS v (number, held, before, ended)) AS u
			WHERE c.ctid = u.ctid AND c.held = u.before::int[] AND c.ended = 0`, int64(r.p.ID), left.number, left.held, before, left.ended)
	}
	if forget {
		t.exec(`DELETE FROM @.claim WHERE plan = $1 AND ended > 0 AND ended <= (
			SELECT ended FROM @.claim WHERE plan = $1 AND ended > 0 ORDER BY ended DESC OFFSET $2 LIMIT 1)`, int64(r.p.ID), rules.KeptClaims)
	}
}

// array returns a list as PostgreSQL reads it.
func array(list []uint32) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, n := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.FormatUint(uint64(n), 10))
	}
	b.WriteByte('}')
	return b.String()
}

// flush adds the statements that write everything that steps have changed, the facts first: that
// fails if the plan has another revision. rests are the numbers of the events that leave the plan
// at rest.
func (r *rows) flush(t *tx, own []ownEvent, rests []int64, keep int) error {
	if err := r.Err(); err != nil {
		return err
	}
	if err := r.allUndone(t); err != nil {
		return err
	}
	p := r.p
	p.touched = p.touched || len(own) > 0 || r.changed()
	until := p.trimmed
	p.trimmed = p.TrimUntil(p.trimmed, keep, len(r.Events())+len(own))
	t.save(p)
	var common, rare updates
	var m moves
	for ordinal, task := range r.Tasks() {
		at := r.places[ordinal]
		r.written = append(r.written, written{task, at})
		if at.rare || hasRare(task.More) {
			rare.add(ordinal, task, at)
		} else {
			common.add(ordinal, task, at)
		}
		m.add(ordinal, task, at)
	}
	t.saveTasks(p.ID, &common, false)
	t.saveTasks(p.ID, &rare, true)
	m.save(t, p)
	r.saveClaims(t)
	if err := t.appendEvents(p, r.Events(), own, rests); err != nil {
		return err
	}
	if p.trimmed > until {
		t.exec("DELETE FROM @.event WHERE plan = $1 AND seq > $2 AND seq <= $3 AND ordinal > 0", int64(p.ID), until, p.trimmed)
	}
	return nil
}

// moves are the changes of the tables queue and release.
type moves struct {
	fromQueue, toQueue     []int16
	fromDue, toDue         []int64
	left, entered, ordinal []int32
	released               []int64
}

func (m *moves) add(ordinal uint32, t *rules.Task, was *place) {
	to, due := t.Place().Queue, dueOf(t)
	if to != was.queue || due != was.due {
		if was.queue != 0 {
			m.fromQueue, m.fromDue, m.left = append(m.fromQueue, int16(was.queue)), append(m.fromDue, was.due), append(m.left, int32(ordinal))
		}
		if to != 0 {
			m.toQueue, m.toDue, m.entered = append(m.toQueue, int16(to)), append(m.toDue, due), append(m.entered, int32(ordinal))
		}
	}
	if t.Released != was.released {
		m.released, m.ordinal = append(m.released, int64(t.Released)), append(m.ordinal, int32(ordinal))
	}
}

func (m *moves) save(t *tx, p *rollout) {
	if len(m.left) > 0 {
		t.exec(`DELETE FROM @.queue AS q USING unnest($2::smallint[], $3::bigint[], $4::int[]) AS u (queue, due, ordinal)
			WHERE q.plan = $1 AND q.queue = u.queue AND q.due = u.due AND q.ordinal = u.ordinal`, int64(p.ID), m.fromQueue, m.fromDue, m.left)
	}
	if len(m.entered) > 0 {
		t.exec(`INSERT INTO @.queue (plan, queue, due, ordinal) SELECT $1::bigint, u.* FROM unnest($2::smallint[], $3::bigint[], $4::int[]) AS u`,
			int64(p.ID), m.toQueue, m.toDue, m.entered)
	}
	if len(m.released) > 0 && p.Sequential() {
		t.exec(`INSERT INTO @.release (plan, released, ordinal) SELECT $1::bigint, u.* FROM unnest($2::bigint[], $3::int[]) AS u`,
			int64(p.ID), slices.Clone(m.released), m.ordinal)
	}
}
