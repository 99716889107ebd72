package pgstore

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// stage is the stage of a plan between creation and removal.
type stage int16

const (
	creating stage = iota
	complete
	leaving
)

// rollout is a plan as it is in the tables, with what it was when it was read, so that only what
// has changed is written.
type rollout struct {
	rules.Plan
	s       *Store
	now     rules.Stamp // the server's clock when the plan was read
	real    int64       // the same in microseconds, whatever the tests set
	newest  task.Token  // the limit of all tokens
	changed int64       // microseconds: when the control was last changed
	trimmed int64       // the last event of which the task events are gone
	// revision is drawn anew by all that changes the plan, next is the one that is written. touched
	// is set when something is changed that is not in the facts.
	revision, next int64
	touched        bool

	was struct {
		facts  facts
		waves  []plan.Wave
		counts []plan.WaveCounters
		groups plan.FailureGroups
	}
	raw   raw
	known knownPlan
}

// remember makes the plan as it was written that with which the next commit begins.
func (p *rollout) remember() {
	if p.next != 0 {
		p.revision = p.next
	}
	p.next, p.touched = 0, false
	p.was.facts, p.was.waves, p.was.counts, p.was.groups = p.facts(), slices.Clone(p.Waves), slices.Clone(p.WaveCounters), slices.Clone(p.FailureGroups)
}

// raw are columns as they were read.
type raw struct {
	found, hasFacts, hasControl  bool
	stage                        stage
	created                      int64
	mark, spec, control          *string
	state                        int16
	version, notBefore, notAfter int64
	facts                        facts
	counts                       [task.NumStates]int
	wave                         []waveRow
	slots                        []int // of commands
}

// facts is the row of the table facts.
type facts struct {
	counters            plan.Counters
	breached, exhausted bool
	waveEnded           int64
	lastEvent, trimmed  int64
	marks               rules.Marks
}

func (p *rollout) facts() facts {
	return facts{
		counters: p.Counters, breached: p.Breached, exhausted: p.UndosExhausted, waveEnded: instant.Micros(p.WaveEndedAt),
		lastEvent: p.LastEvent, trimmed: p.trimmed, marks: p.Marks,
	}
}

// load reads a plan that everybody can read. With lock, nobody else changes it until the end of the
// transaction: the lock is taken in a statement of its own, so that the others see what was
// committed while it waited.
func (t *tx) load(id plan.ID, lock bool) (*rollout, error) {
	p := t.queuePlan(id, lock)
	if err := t.flush(); err != nil {
		return nil, err
	}
	return p, p.parse()
}

// queuePlan adds the statements that read a plan, for parse.
func (t *tx) queuePlan(id plan.ID, lock bool) *rollout {
	p := t.queueMain(id, lock)
	t.queueParts(p)
	return p
}

// queueMain adds those that read what every plan has.
func (t *tx) queueMain(id plan.ID, lock bool) *rollout {
	p := &rollout{s: t.s}
	p.ID = id
	t.queueFacts(p, lock)
	p.known = t.s.cached.get(id)
	g := &p.Grant
	t.one(&p.raw.found, []any{
		&p.raw.stage, &p.raw.created, &p.raw.mark, &p.raw.spec, &p.raw.hasControl,
		&p.raw.version, &p.changed, &p.Commands.Next, &g.LastOrdinal, &g.MaxSlots, &g.MaxFailed, &g.MaxSameFailures, &g.Strict,
		&p.raw.notBefore, &p.raw.notAfter, &p.raw.control, &p.raw.state, &p.real, &p.newest,
	}, `SELECT p.stage, p.created, p.mark, CASE WHEN p.mark = $2 THEN NULL ELSE p.spec END, c.plan IS NOT NULL,
		coalesce(c.version, 0), coalesce(c.changed, 0), coalesce(c.commands, 0), coalesce(c.grant_last, 0), coalesce(c.grant_slots, 0),
		coalesce(c.grant_failed, 0), coalesce(c.grant_same, 0), coalesce(c.grant_strict, false), coalesce(c.not_before, 0), coalesce(c.not_after, 0),
		CASE WHEN c.version = $3 AND c.changed = $4 THEN NULL ELSE c.control END, coalesce(c.state, 0::smallint),
		`+clock+`, coalesce((SELECT m.value FROM @.meta AS m WHERE m.name = 'token_limit'), 0)
		FROM @.plan AS p LEFT JOIN @.control AS c ON c.plan = p.id WHERE p.id = $1`, int64(id), p.known.mark, p.known.version, p.known.changed)
	return p
}

// simple reports whether a plan had no waves and no failure groups when this process saw it last.
func (k *knownPlan) simple() bool {
	return k.last != nil && len(k.last.Waves) == 0 && k.last.Counters.Of(task.Failed) == 0
}

// stillSimple reports whether that is so now, as the rest of the plan says: only a command makes
// waves, and only tasks that are FAILED are in groups.
func (p *rollout) stillSimple() bool {
	return p.known.simple() && p.raw.found && p.raw.hasControl && p.raw.control == nil && uint64(p.raw.version) == p.known.last.Version &&
		p.raw.counts[task.Failed] == 0
}

// queueParts adds the statements that read the waves and the failure groups.
func (t *tx) queueParts(p *rollout) {
	t.queueWaves(p)
	t.each(func(r pgx.Rows) error {
		var g plan.FailureGroup
		err := r.Scan(&g.ErrorCode, &g.Step, &g.Failed, &g.Acknowledged)
		g.ErrorCode, g.Step = decoded(g.ErrorCode), decoded(g.Step)
		p.FailureGroups = append(p.FailureGroups, g)
		return err
	}, "SELECT code, step, failed, acknowledged FROM @.failure_group WHERE plan = $1", int64(p.ID))
}

func (t *tx) queueFacts(p *rollout, lock bool) {
	sql := `SELECT pending, running, paused, completed, failed, skipped, cancelled, rolling_back, rolled_back, rollback_failed,
		held, waiting, starting, exempt, breached, undos_exhausted, wave_ended, last_event, trimmed,
		token_floor, releases, claims, first_pending, undo_round, undo_position, stored, revision FROM @.facts WHERE plan = $1`
	if lock {
		sql += " FOR NO KEY UPDATE"
	}
	f := &p.raw.facts
	c, m := &p.raw.counts, &f.marks
	t.one(&p.raw.hasFacts, []any{
		&c[0], &c[1], &c[2], &c[3], &c[4], &c[5], &c[6], &c[7], &c[8], &c[9],
		&f.counters.Held, &f.counters.Waiting, &f.counters.Starting, &f.counters.Exempt, &f.breached, &f.exhausted, &f.waveEnded, &f.lastEvent, &f.trimmed,
		&m.Floor, &m.Releases, &m.Claims, &m.Pending, &m.Round, &m.Undo, &m.Appended, &p.revision,
	}, sql, int64(p.ID))
}

// parse returns store.ErrNotFound if nobody can read the plan, and an error that matches
// store.ErrCorrupt if its rows make no sense.
func (p *rollout) parse() error {
	if !p.raw.found || p.raw.stage != complete {
		return store.ErrNotFound
	}
	p.s.clock.read(p.real)
	p.now = p.s.stamp(p.real)
	if err := p.fixed(); err != nil {
		return err
	}
	if err := p.decided(); err != nil {
		return err
	}
	p.TaskCount += p.Added
	for _, part := range []func() error{p.counted, p.waves, p.grouped} {
		if err := part(); err != nil {
			return err
		}
	}
	if total := p.Counters.Total(); total != p.TaskCount {
		return p.s.corrupt("facts", p.ID, "%d tasks are counted, the plan has %d", total, p.TaskCount)
	}
	p.was.facts = p.facts()
	return nil
}

// fixed fills in what the plan was created with.
func (p *rollout) fixed() error {
	if p.raw.spec == nil {
		p.setSpec(&p.known.fixed)
		return nil
	}
	var made plan.Plan
	made.ID = p.ID
	if err := p.s.fillSpec(&made, *p.raw.spec, p.raw.created); err != nil {
		return err
	}
	p.s.cached.setSpec(p.ID, *p.raw.mark, &made)
	p.setSpec(&made)
	return nil
}

// setSpec copies everything but Control and Facts.
func (p *rollout) setSpec(from *plan.Plan) {
	control, f := p.Control, p.Facts
	p.Plan.Plan = *from
	p.Control, p.Facts = control, f
}

// fillSpec reads what a plan was created with.
func (s *Store) fillSpec(p *plan.Plan, text string, created int64) error {
	var spec planrecord.Spec
	err := json.Unmarshal([]byte(text), &spec)
	if err == nil {
		err = spec.Fill(p)
	}
	if err != nil {
		return s.corrupt("plan", p.ID, "spec: %v", err)
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = instant.Time(created)
	}
	return nil
}

// decided fills in what commands have decided.
func (p *rollout) decided() error {
	if !p.raw.hasControl {
		return p.s.corrupt("control", p.ID, "the row is missing")
	}
	p.Version = uint64(p.raw.version)
	grant := strategy.Grant{
		LastOrdinal: p.Grant.LastOrdinal, MaxSlots: p.Grant.MaxSlots, MaxFailed: p.Grant.MaxFailed, MaxSameFailures: p.Grant.MaxSameFailures,
		Strict: p.Grant.Strict, NotBefore: instant.Time(p.raw.notBefore), NotAfter: instant.Time(p.raw.notAfter),
	}
	if p.raw.control == nil {
		p.Control = p.known.control
	} else {
		var record planrecord.Control
		p.Control = plan.Control{}
		err := json.Unmarshal([]byte(*p.raw.control), &record)
		if err == nil {
			err = record.Fill(&p.Control)
		}
		if err != nil {
			return p.s.corrupt("control", p.ID, "control: %v", err)
		}
		p.s.cached.setControl(p.ID, p.raw.version, p.changed, &p.Control)
	}
	p.Grant = grant
	if int16(p.State) != p.raw.state || p.Commands.Next < 0 || p.Commands.Next >= store.KeptCommands {
		return p.s.corrupt("control", p.ID, "state is %d, control has %s; commands is %d", p.raw.state, p.State, p.Commands.Next)
	}
	return nil
}

// counted fills in the facts.
func (p *rollout) counted() error {
	f := &p.raw.facts
	k := &f.counters
	k.States = p.raw.counts
	var fault string
	switch {
	case !p.raw.hasFacts:
		fault = "the row is missing"
	case slices.Min(k.States[:]) < 0:
		fault = "a count is negative"
	case k.Held < 0 || k.Waiting < 0 || k.Held+k.Waiting > k.InFlight():
		fault = "more tasks are held or waiting than are in flight"
	case f.lastEvent < 1 || f.trimmed < 0 || f.trimmed > f.lastEvent || f.marks.Appended < 0:
		fault = "last_event, trimmed or stored makes no sense"
	}
	if fault != "" {
		return p.s.corrupt("facts", p.ID, "%s", fault)
	}
	p.Counters, p.Breached, p.UndosExhausted, p.WaveEndedAt = *k, f.breached, f.exhausted, instant.Time(f.waveEnded)
	p.LastEvent, p.trimmed, p.Marks = f.lastEvent, f.trimmed, f.marks
	return nil
}

// grouped checks the failure groups.
func (p *rollout) grouped() error {
	slices.SortFunc(p.FailureGroups, compareGroups)
	for _, g := range p.FailureGroups {
		if g.Failed < 1 || g.Acknowledged < 0 || g.Acknowledged > g.Failed {
			return p.s.corrupt("failure_group", p.ID, "group %q, %q", g.ErrorCode, g.Step)
		}
	}
	if p.FailureGroups.Ungrouped(p.Counters.Of(task.Failed)) < 0 {
		return p.s.corrupt("failure_group", p.ID, "more tasks than are FAILED")
	}
	p.was.groups = slices.Clone(p.FailureGroups)
	return nil
}

// snapshot returns the plan for a caller.
func (p *rollout) snapshot(r rules.Rows) plan.Plan {
	c := p.Snapshot(r, p.now)
	c.Idle = max(0, time.Duration(p.real-p.changed)*time.Microsecond)
	return c
}
