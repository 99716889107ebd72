package pgstore

import (
	"cmp"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// waveRow is a row of the table wave.
type waveRow struct {
	number int
	plan.Wave
	counts plan.WaveCounters
}

func (t *tx) queueWaves(p *rollout) {
	t.each(func(r pgx.Rows) error {
		var w waveRow
		k := &w.counts
		err := r.Scan(&w.number, &w.Last, &w.MaxFailed, &w.Acknowledged, &k.Failed, &k.Ended, &k.InFlight, &k.RollbackFailed)
		p.raw.wave = append(p.raw.wave, w)
		return err
	}, "SELECT number, last, max_failed, acknowledged, failed, ended, in_flight, rollback_failed FROM @.wave WHERE plan = $1 ORDER BY number", int64(p.ID))
}

// waves fills in the waves.
func (p *rollout) waves() error {
	p.Waves, p.WaveCounters = nil, nil
	before := 0
	for i, w := range p.raw.wave {
		if w.number != i+1 || w.Last <= before {
			return p.s.corrupt("wave", p.ID, "wave %d does not follow", w.number)
		}
		before = w.Last
		p.Waves, p.WaveCounters = append(p.Waves, w.Wave), append(p.WaveCounters, w.counts)
	}
	n := len(p.Waves)
	if p.Wave < 0 || p.Wave > n || n > 0 && p.Waves[n-1].Last != p.TaskCount {
		return p.s.corrupt("wave", p.ID, "wave %d of %d is open, and the plan has %d tasks", p.Wave, n, p.TaskCount)
	}
	p.was.waves, p.was.counts = slices.Clone(p.Waves), slices.Clone(p.WaveCounters)
	return nil
}

// saveWaves writes the waves that have changed. A plan never loses one.
func (t *tx) saveWaves(p *rollout) {
	w := &p.was
	var cols [8][]int32
	for i := range p.WaveCounters {
		if i < len(w.counts) && p.WaveCounters[i] == w.counts[i] && p.Waves[i] == w.waves[i] {
			continue
		}
		d, k := &p.Waves[i], &p.WaveCounters[i]
		for c, n := range [...]int{i + 1, d.Last, d.MaxFailed, d.Acknowledged, k.Failed, k.Ended, k.InFlight, k.RollbackFailed} {
			cols[c] = append(cols[c], int32(n))
		}
	}
	if len(cols[0]) == 0 {
		return
	}
	t.exec(`INSERT INTO @.wave (plan, number, last, max_failed, acknowledged, failed, ended, in_flight, rollback_failed)
		SELECT $1::bigint, u.* FROM unnest($2::int[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::int[]) AS u
		ON CONFLICT (plan, number) DO UPDATE SET last = excluded.last, max_failed = excluded.max_failed, acknowledged = excluded.acknowledged,
		failed = excluded.failed, ended = excluded.ended, in_flight = excluded.in_flight, rollback_failed = excluded.rollback_failed`,
		int64(p.ID), cols[0], cols[1], cols[2], cols[3], cols[4], cols[5], cols[6], cols[7])
}

func compareGroups(a, b plan.FailureGroup) int {
	return cmp.Or(cmp.Compare(a.ErrorCode, b.ErrorCode), cmp.Compare(a.Step, b.Step))
}

// saveGroups writes the failure groups that have changed.
func (t *tx) saveGroups(p *rollout) {
	var goneCodes, goneSteps, codes, steps []string
	var failed, acknowledged []int32
	for _, g := range p.was.groups {
		if p.FailureGroups.Of(failureOf(g)).Failed == 0 {
			goneCodes, goneSteps = append(goneCodes, encoded(g.ErrorCode)), append(goneSteps, encoded(g.Step))
		}
	}
	for _, g := range p.FailureGroups {
		if p.was.groups.Of(failureOf(g)) != g {
			codes, steps = append(codes, encoded(g.ErrorCode)), append(steps, encoded(g.Step))
			failed, acknowledged = append(failed, int32(g.Failed)), append(acknowledged, int32(g.Acknowledged))
		}
	}
	if len(goneCodes) > 0 {
		t.exec("DELETE FROM @.failure_group AS g USING unnest($2::text[], $3::text[]) AS u (code, step) WHERE g.plan = $1 AND g.code = u.code AND g.step = u.step",
			int64(p.ID), goneCodes, goneSteps)
	}
	if len(codes) > 0 {
		t.exec(`INSERT INTO @.failure_group (plan, code, step, failed, acknowledged)
			SELECT $1::bigint, u.* FROM unnest($2::text[], $3::text[], $4::int[], $5::int[]) AS u
			ON CONFLICT (plan, code, step) DO UPDATE SET failed = excluded.failed, acknowledged = excluded.acknowledged`,
			int64(p.ID), codes, steps, failed, acknowledged)
	}
}

// failureOf returns a failure of a group.
func failureOf(g plan.FailureGroup) *task.FailureInfo {
	return &task.FailureInfo{ErrorCode: g.ErrorCode, Step: g.Step}
}
