package sqlitestore

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// stage is the stage of a plan between creation and removal.
type stage int64

const (
	creating stage = iota
	complete
	leaving
)

// rollout is a plan as it is in the tables, with what was last written to them, so that only what
// has changed is written.
type rollout struct {
	rules.Plan
	changed int64 // microseconds: when the control was last changed
	trimmed int64 // the last event of which the task events are gone
	pending pendings
	rows    *rows // of the writer

	written struct {
		facts  facts
		waves  []plan.Wave
		counts []plan.WaveCounters
		groups plan.FailureGroups
	}
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

// stageOf returns the stage of a plan, or store.ErrNotFound.
func (c *conn) stageOf(id plan.ID) (stage, error) {
	var s stage
	found, err := c.one("SELECT stage FROM plan WHERE id = ?", []any{int64(id)}, func(r row) { s = stage(r.ColumnInt64(0)) })
	if err == nil && !found {
		err = store.ErrNotFound
	}
	return s, err
}

// load reads a plan that can be read by everybody.
func (c *conn) load(id plan.ID) (*rollout, error) {
	p := &rollout{}
	p.ID = id
	var at stage
	var spec string
	var created int64
	found, err := c.one("SELECT stage, created, spec FROM plan WHERE id = ?", []any{int64(id)}, func(r row) {
		at, created, spec = stage(r.ColumnInt64(0)), r.ColumnInt64(1), r.ColumnText(2)
	})
	switch {
	case err != nil:
		return nil, err
	case !found || at != complete:
		return nil, store.ErrNotFound
	}
	if err := c.fillSpec(&p.Plan.Plan, spec, created); err != nil {
		return nil, err
	}
	if err := c.loadControl(p); err != nil {
		return nil, err
	}
	p.TaskCount += p.Added
	for _, part := range []func(*rollout) error{c.loadFacts, c.loadWaves, c.loadGroups, c.loadCommands} {
		if err := part(p); err != nil {
			return nil, err
		}
	}
	if total := p.Counters.Total(); total != p.TaskCount {
		return nil, c.corrupt("facts", id, "%d tasks are counted, the plan has %d", total, p.TaskCount)
	}
	p.written.facts = p.facts()
	return p, nil
}

// fillSpec fills in what a plan was created with.
func (c *conn) fillSpec(p *plan.Plan, text string, created int64) error {
	var s planrecord.Spec
	err := json.Unmarshal([]byte(text), &s)
	if err == nil {
		err = s.Fill(p)
	}
	if err != nil {
		return c.corrupt("plan", p.ID, "spec: %v", err)
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = instant.Time(created)
	}
	return nil
}

func (c *conn) loadControl(p *rollout) error {
	var text string
	var state int64
	found, err := c.one(`SELECT version, changed, commands, grant_last, grant_slots, grant_failed, grant_same, grant_strict,
		not_before, not_after, control, state FROM control WHERE plan = ?`, []any{int64(p.ID)}, func(r row) {
		p.Version, p.changed, p.Commands.Next = uint64(r.ColumnInt64(0)), r.ColumnInt64(1), r.ColumnInt(2)
		p.Grant = strategy.Grant{
			LastOrdinal: r.ColumnInt(3), MaxSlots: r.ColumnInt(4), MaxFailed: r.ColumnInt(5), MaxSameFailures: r.ColumnInt(6),
			Strict: r.ColumnInt64(7) != 0, NotBefore: instant.Time(r.ColumnInt64(8)), NotAfter: instant.Time(r.ColumnInt64(9)),
		}
		text, state = r.ColumnText(10), r.ColumnInt64(11)
	})
	if err != nil {
		return err
	}
	if !found {
		return c.corrupt("control", p.ID, "the row is missing")
	}
	grant := p.Grant
	var record planrecord.Control
	if err = json.Unmarshal([]byte(text), &record); err == nil {
		err = record.Fill(&p.Control)
	}
	if err != nil {
		return c.corrupt("control", p.ID, "control: %v", err)
	}
	p.Grant = grant
	if int64(p.State) != state || p.Commands.Next < 0 || p.Commands.Next >= store.KeptCommands {
		return c.corrupt("control", p.ID, "state is %d, control has %s; commands is %d", state, p.State, p.Commands.Next)
	}
	return nil
}

func (c *conn) loadFacts(p *rollout) error {
	var fault string
	found, err := c.one(`SELECT pending, running, paused, completed, failed, skipped, cancelled, rolling_back, rolled_back, rollback_failed,
		held, waiting, starting, exempt, breached, undos_exhausted, wave_ended, last_event, trimmed,
		token_floor, releases, claims, first_pending, undo_round, undo_position, appended FROM facts WHERE plan = ?`, []any{int64(p.ID)}, func(r row) {
		for s := range task.NumStates {
			if p.Counters.States[s] = r.ColumnInt(s); p.Counters.States[s] < 0 {
				fault = "a count is negative"
			}
		}
		p.Counters.Held, p.Counters.Waiting, p.Counters.Starting, p.Counters.Exempt = r.ColumnInt(10), r.ColumnInt(11), r.ColumnInt(12), r.ColumnInt(13)
		p.Breached, p.UndosExhausted, p.WaveEndedAt = r.ColumnInt64(14) != 0, r.ColumnInt64(15) != 0, instant.Time(r.ColumnInt64(16))
		p.LastEvent, p.trimmed = r.ColumnInt64(17), r.ColumnInt64(18)
		p.Marks = rules.Marks{
			Floor: task.Token(r.ColumnInt64(19)), Releases: uint32(r.ColumnInt64(20)), Claims: uint32(r.ColumnInt64(21)),
			Pending: uint32(r.ColumnInt64(22)), Round: r.ColumnInt(23), Undo: uint32(r.ColumnInt64(24)), Appended: r.ColumnInt(25),
		}
	})
	k := &p.Counters
	switch {
	case err != nil:
		return err
	case !found:
		fault = "the row is missing"
	case k.Held < 0 || k.Waiting < 0 || k.Held+k.Waiting > k.InFlight():
		fault = "more tasks are held or waiting than are in flight"
	case p.LastEvent < 1 || p.trimmed < 0 || p.trimmed > p.LastEvent || p.Marks.Appended < 0:
		fault = "last_event, trimmed or appended makes no sense"
	}
	if fault != "" {
		return c.corrupt("facts", p.ID, "%s", fault)
	}
	return nil
}

func (c *conn) loadWaves(p *rollout) error {
	err := c.each(`SELECT number, last, max_failed, acknowledged, failed, ended, in_flight, rollback_failed
		FROM wave WHERE plan = ? ORDER BY number`, []any{int64(p.ID)}, func(r row) error {
		w := plan.Wave{Last: r.ColumnInt(1), MaxFailed: r.ColumnInt(2), Acknowledged: r.ColumnInt(3)}
		before := 0
		if len(p.Waves) > 0 {
			before = p.Waves[len(p.Waves)-1].Last
		}
		if r.ColumnInt(0) != len(p.Waves)+1 || w.Last <= before {
			return c.corrupt("wave", p.ID, "wave %d does not follow", r.ColumnInt(0))
		}
		p.Waves = append(p.Waves, w)
		p.WaveCounters = append(p.WaveCounters, plan.WaveCounters{
			Failed: r.ColumnInt(4), Ended: r.ColumnInt(5), InFlight: r.ColumnInt(6), RollbackFailed: r.ColumnInt(7),
		})
		return nil
	})
	if err != nil {
		return err
	}
	n := len(p.Waves)
	if p.Wave < 0 || p.Wave > n || n > 0 && p.Waves[n-1].Last != p.TaskCount {
		return c.corrupt("wave", p.ID, "wave %d of %d is open, and the plan has %d tasks", p.Wave, n, p.TaskCount)
	}
	p.written.waves, p.written.counts = slices.Clone(p.Waves), slices.Clone(p.WaveCounters)
	return nil
}

func (c *conn) loadGroups(p *rollout) error {
	err := c.each("SELECT code, step, failed, acknowledged FROM failure_group WHERE plan = ? ORDER BY code, step", []any{int64(p.ID)}, func(r row) error {
		g := plan.FailureGroup{ErrorCode: r.ColumnText(0), Step: r.ColumnText(1), Failed: r.ColumnInt(2), Acknowledged: r.ColumnInt(3)}
		if g.Failed < 1 || g.Acknowledged < 0 || g.Acknowledged > g.Failed {
			return c.corrupt("failure_group", p.ID, "group %q, %q", g.ErrorCode, g.Step)
		}
		p.FailureGroups = append(p.FailureGroups, g)
		return nil
	})
	if err != nil {
		return err
	}
	if p.FailureGroups.Ungrouped(p.Counters.Of(task.Failed)) < 0 {
		return c.corrupt("failure_group", p.ID, "more tasks than are FAILED")
	}
	p.written.groups = slices.Clone(p.FailureGroups)
	return nil
}

func (c *conn) loadCommands(p *rollout) error {
	return c.each("SELECT slot, id FROM command WHERE plan = ? ORDER BY slot", []any{int64(p.ID)}, func(r row) error {
		if r.ColumnInt(0) != len(p.Commands.IDs) {
			return c.corrupt("command", p.ID, "slot %d is missing", len(p.Commands.IDs))
		}
		p.Commands.IDs = append(p.Commands.IDs, r.ColumnText(1))
		return nil
	})
}

// snapshot returns the plan for a caller.
func (p *rollout) snapshot(r rules.Rows, now rules.Stamp) plan.Plan {
	c := p.Snapshot(r, now)
	c.Idle = max(0, time.Duration(time.Now().UnixMicro()-p.changed)*time.Microsecond)
	return c
}
