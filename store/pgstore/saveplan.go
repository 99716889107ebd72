package pgstore

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// checked adds a statement that has to change exactly n rows; if it does not, it fails, and with it
// the transaction, before it is committed. The statement may use parameters up to the one before
// the last of args.
func (t *tx) checked(n int, statement string, args ...any) {
	args = append(args, n)
	t.exec(fmt.Sprintf("WITH done AS (%s RETURNING 1) SELECT 1 / (count(*) = $%d::int)::int FROM done", statement, len(args)), args...)
}

// save writes what a step has changed of a plan, beside its control.
func (t *tx) save(p *rollout) {
	if f := p.facts(); p.touched || f != p.was.facts {
		p.next = rand.Int64()
		s, m := &f.counters.States, &f.marks
		t.checked(1, `UPDATE @.facts SET pending = $2, running = $3, paused = $4, completed = $5, failed = $6, skipped = $7, cancelled = $8,
			rolling_back = $9, rolled_back = $10, rollback_failed = $11, held = $12, waiting = $13, starting = $14, exempt = $15,
			breached = $16, undos_exhausted = $17, wave_ended = $18, last_event = $19, trimmed = $20, token_floor = $21, releases = $22,
			claims = $23, first_pending = $24, undo_round = $25, undo_position = $26, stored = $27, revision = $28
			WHERE plan = $1 AND revision = $29`,
			int64(p.ID), s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9],
			f.counters.Held, f.counters.Waiting, f.counters.Starting, f.counters.Exempt, f.breached, f.exhausted, f.waveEnded, f.lastEvent, f.trimmed,
			int64(m.Floor), int64(m.Releases), int64(m.Claims), int64(m.Pending), m.Round, int64(m.Undo), m.Appended, p.next, p.revision)
	}
	t.saveWaves(p)
	t.saveGroups(p)
}

// insertFacts writes the row of a new plan.
func (t *tx) insertFacts(p *rollout) {
	t.exec("INSERT INTO @.facts SELECT $1::bigint, 0,0,0,0,0,0,0,0,0,0, 0,0,0,0, false,false,0, 0,0,0,0,0,0,0,0,0, 0", int64(p.ID))
}

const saveControl = `INSERT INTO @.control (plan, version, state, changed, commands, grant_last, grant_slots, grant_failed, grant_same,
	grant_strict, not_before, not_after, control) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
	ON CONFLICT (plan) DO UPDATE SET version = excluded.version, state = excluded.state, changed = excluded.changed, commands = excluded.commands,
	grant_last = excluded.grant_last, grant_slots = excluded.grant_slots, grant_failed = excluded.grant_failed, grant_same = excluded.grant_same,
	grant_strict = excluded.grant_strict, not_before = excluded.not_before, not_after = excluded.not_after, control = excluded.control`

// saveControl writes what a command has changed, and its id.
func (t *tx) saveControl(p *rollout) error {
	text, err := json.Marshal(planrecord.ControlOf(&p.Control))
	if err != nil {
		return fmt.Errorf("pgstore: plan %s: %w", p.ID, err)
	}
	g := &p.Grant
	t.exec(saveControl, int64(p.ID), int64(p.Version), int16(p.State), p.changed, p.Commands.Next, g.LastOrdinal, g.MaxSlots, g.MaxFailed,
		g.MaxSameFailures, g.Strict, instant.Micros(g.NotBefore), instant.Micros(g.NotAfter), string(text))
	ids := p.Commands.IDs
	if len(ids) == 0 {
		return nil
	}
	slot := (p.Commands.Next + len(ids) - 1) % len(ids) // of the command that was added last
	t.exec("INSERT INTO @.command (plan, slot, id) VALUES ($1, $2, $3) ON CONFLICT (plan, slot) DO UPDATE SET id = excluded.id",
		int64(p.ID), slot, encoded(ids[slot]))
	return nil
}

// Tokens are microseconds, mostly: so far ahead of the clock the limit is raised, and so far ahead
// of a token that is ahead of the clock itself.
const (
	ahead = 60_000_000
	apart = 1000
)

// raiseTokens keeps the limit of all tokens above those that a step has issued. The row is locked
// last, and seldom.
func (t *tx) raiseTokens(p *rollout, newest task.Token) {
	if newest <= p.newest {
		return
	}
	limit := max(int64(newest)+apart, p.real+ahead)
	t.then(func() { p.newest = task.Token(limit) })
	t.exec("INSERT INTO @.meta (name, value) VALUES ('token_limit', $1) ON CONFLICT (name) DO UPDATE SET value = greatest(meta.value, excluded.value)", limit)
}
