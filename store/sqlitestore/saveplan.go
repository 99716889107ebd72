package sqlitestore

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/internal/instant"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// save writes what a step has changed of a plan, beside its control.
func (c *conn) save(p *rollout) error {
	if f := p.facts(); f != p.written.facts {
		if err := c.saveFacts(p.ID, &f); err != nil {
			return err
		}
		p.written.facts = f
	}
	if err := c.saveWaves(p); err != nil {
		return err
	}
	return c.saveGroups(p)
}

func (c *conn) saveFacts(id plan.ID, f *facts) error {
	s, m := &f.counters.States, &f.marks
	return c.exec(`REPLACE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		int64(id), s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9],
		f.counters.Held, f.counters.Waiting, f.counters.Starting, f.counters.Exempt,
		f.breached, f.exhausted, f.waveEnded, f.lastEvent, f.trimmed,
		int64(m.Floor), m.Releases, m.Claims, m.Pending, m.Round, m.Undo, m.Appended)
}

func (c *conn) saveWaves(p *rollout) error {
	w := &p.written
	for i := range p.WaveCounters {
		if i < len(w.counts) && p.WaveCounters[i] == w.counts[i] && p.Waves[i] == w.waves[i] {
			continue
		}
		d, k := &p.Waves[i], &p.WaveCounters[i]
		if err := c.exec("REPLACE INTO wave VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
			int64(p.ID), i+1, d.Last, d.MaxFailed, d.Acknowledged, k.Failed, k.Ended, k.InFlight, k.RollbackFailed); err != nil {
			return err
		}
	}
	w.waves, w.counts = append(w.waves[:0], p.Waves...), append(w.counts[:0], p.WaveCounters...)
	return nil
}

func (c *conn) saveGroups(p *rollout) error {
	w := &p.written
	if slices.Equal(w.groups, p.FailureGroups) {
		return nil
	}
	for _, g := range w.groups {
		if has := p.FailureGroups.Of(failureOf(g)); has.Failed > 0 {
			continue
		}
		if err := c.exec("DELETE FROM failure_group WHERE plan = ? AND code = ? AND step = ?", int64(p.ID), g.ErrorCode, g.Step); err != nil {
			return err
		}
	}
	for _, g := range p.FailureGroups {
		if w.groups.Of(failureOf(g)) == g {
			continue
		}
		if err := c.exec("REPLACE INTO failure_group VALUES (?, ?, ?, ?, ?)", int64(p.ID), g.ErrorCode, g.Step, g.Failed, g.Acknowledged); err != nil {
			return err
		}
	}
	w.groups = append(w.groups[:0], p.FailureGroups...)
	return nil
}

// failureOf returns a failure of a group.
func failureOf(g plan.FailureGroup) *task.FailureInfo {
	return &task.FailureInfo{ErrorCode: g.ErrorCode, Step: g.Step}
}

// saveControl writes what a command has changed, and its id.
func (c *conn) saveControl(p *rollout) error {
	text, err := json.Marshal(planrecord.ControlOf(&p.Control))
	if err != nil {
		return fmt.Errorf("sqlitestore: plan %s: %w", p.ID, err)
	}
	g := &p.Grant
	if err := c.exec("REPLACE INTO control VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		int64(p.ID), int64(p.Version), int64(p.State), p.changed, p.Commands.Next, g.LastOrdinal, g.MaxSlots, g.MaxFailed,
		g.MaxSameFailures, g.Strict, instant.Micros(g.NotBefore), instant.Micros(g.NotAfter), string(text)); err != nil {
		return err
	}
	ids := p.Commands.IDs
	if len(ids) == 0 {
		return nil
	}
	slot := (p.Commands.Next + len(ids) - 1) % len(ids) // of the command that was added last
	return c.exec("REPLACE INTO command VALUES (?, ?, ?)", int64(p.ID), slot, ids[slot])
}
