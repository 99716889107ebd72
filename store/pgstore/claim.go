package pgstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store/rules"
)

// readClaims reads the claims that are named, the tasks that these hold, and the claims that hold
// the tasks that are named.
func (r *rows) readClaims(t *tx, n *rules.Need) {
	put := func(from pgx.Rows) error {
		var c rules.ClaimRow
		var held []int32
		if err := from.Scan(&c.Number, &c.ID, &c.Worker, &held, &c.Ended); err != nil {
			return err
		}
		c.ID, c.Worker = decoded(c.ID), decoded(c.Worker)
		for _, o := range held {
			if o < 1 {
				return t.s.corrupt("claim", r.p.ID, "the tasks of claim %d make no sense", c.Number)
			}
			c.Held = append(c.Held, uint32(o))
		}
		r.puts = append(r.puts, func() { r.PutClaim(c) })
		return nil
	}
	const columns = "SELECT c.number, c.id, c.worker, c.held, c.ended FROM @.claim AS c WHERE c.plan = $1 AND "
	if len(n.Tasks) > 0 {
		t.each(put, columns+"c.number IN (SELECT t.claim FROM @.task AS t WHERE t.plan = $1 AND t.ordinal = ANY ($2::int[]) AND t.claim <> 0)",
			int64(r.p.ID), ordinalsOf(n.Tasks))
	}
	if len(n.Claims) == 0 {
		return
	}
	ids := make([]string, len(n.Claims))
	for i, id := range n.Claims {
		ids[i] = encoded(id)
	}
	t.each(put, columns+"c.id = ANY ($2::text[])", int64(r.p.ID), ids)
	r.tasks(t, func(*taskRow) error { return nil }, nil, "SELECT "+taskColumns+` FROM @.claim AS c, unnest(c.held) AS h
		JOIN @.task AS t ON t.plan = $1 AND t.ordinal = h WHERE c.plan = $1 AND c.id = ANY ($2::text[])`, int64(r.p.ID), ids)
}

// saveClaims writes the claims that have changed. Those without tasks stay for a while, so that
// they are recognized when they are sent again.
func (r *rows) saveClaims(t *tx) {
	var numbers, ended []int64
	var ids, workers, held []string
	forget := false
	for c := range r.Claims() {
		numbers, ended = append(numbers, int64(c.Number)), append(ended, int64(c.Ended))
		ids, workers, held = append(ids, encoded(c.ID)), append(workers, encoded(c.Worker)), append(held, array(c.Held))
		forget = forget || c.Ended != 0 && c.Number%rules.KeptClaims == 0
	}
	if len(numbers) == 0 {
		return
	}
	t.checked(len(numbers), `INSERT INTO @.claim (plan, number, id, worker, held, ended)
		SELECT $1::bigint, u.number, u.id, u.worker, u.held::int[], u.ended
		FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[]) AS u (number, id, worker, held, ended)
		ON CONFLICT (plan, number) DO UPDATE SET held = excluded.held, ended = excluded.ended`, int64(r.p.ID), numbers, ids, workers, held, ended)
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

// flush adds the statements that write everything that steps have changed. rests are the numbers of
// the events that leave the plan at rest.
func (r *rows) flush(t *tx, own []ownEvent, rests []int64, keep int) error {
	if err := r.Err(); err != nil {
		return err
	}
	var u updates
	var m moves
	for ordinal, task := range r.Tasks() {
		at := r.places[ordinal]
		u.add(ordinal, task, at)
		m.add(ordinal, task, at)
	}
	t.saveTasks(r.p.ID, &u)
	m.save(t, r.p)
	r.saveClaims(t)
	if err := t.appendEvents(r.p, r.Events(), own, rests); err != nil {
		return err
	}
	t.trim(r.p, keep)
	t.save(r.p)
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
