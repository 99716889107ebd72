package redisstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/planrecord"
	"github.com/cutover-go/cutover/task"
)

// parsePlan reads an answer of plan.lua.
func parsePlan(id plan.ID, r *reader) (plan.Plan, error) {
	p := plan.Plan{ID: id, Version: uint64(r.number('|'))}
	rules := parseRules(r.until('|'))
	facts := parseFacts(r.until('|'))
	created, changed, now := r.number('|'), r.number('|'), r.number('|')
	var s planrecord.Spec
	var c planrecord.Control
	errs := json.Unmarshal([]byte(r.sized()), &s)
	if errs == nil {
		errs = json.Unmarshal([]byte(r.sized()), &c)
	}
	waves, tallies, groups := r.sized(), r.sized(), r.sized()
	if err := r.err(); err != nil {
		return p, err
	}
	if errs == nil {
		errs = s.Fill(&p)
	}
	if errs == nil {
		errs = c.Fill(&p.Control)
	}
	p.TaskCount += p.Added
	if errs == nil {
		errs = fillWaves(&p, waves, tallies, facts.wave)
	}
	if errs == nil {
		facts.FailureGroups, errs = parseGroups(groups)
	}
	if errs != nil || !facts.ok || !rules.ok {
		return p, &store.CorruptError{Key: r.key, Reason: fmt.Sprintf("spec, control, rules or facts make no sense: %v", errs)}
	}
	if p.CreatedAt.IsZero() {
		p.CreatedAt = stamp(created)
	}
	p.Grant = rules.grant
	facts.WaveCounters = p.WaveCounters
	p.Facts, p.Now = facts.Facts, stamp(now)
	if p.FailureGroups.Ungrouped(p.Counters.Of(task.Failed)) < 0 {
		return p, &store.CorruptError{Key: r.key, Reason: "groups has more tasks than are FAILED"}
	}
	p.Idle = max(0, time.Duration(now-changed)*time.Microsecond)
	return p, nil
}

// stamp converts a reading of a server's clock in microseconds; 0 is the zero time.
func stamp(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// appendFailure appends the stored form of f, with its strings cut to their maximum lengths: the
// key of its group, so that scripts need not decode JSON, and the failure as JSON. It appends
// nothing if f is nil.
func appendFailure(to []byte, f *task.FailureInfo) []byte {
	if f == nil {
		return to
	}
	c := f.Clip()
	to = append(appendGroupKey(to, c.ErrorCode, c.Step), '\t')
	return append(to, planrecord.MarshalFailure(&c)...)
}

// parseFailure reads the stored form of a failure.
func parseFailure(text string) (*task.FailureInfo, error) {
	_, _, rest, ok := cutGroupKey(text)
	if !ok {
		return nil, errGroups
	}
	var f planrecord.Failure
	if err := json.Unmarshal([]byte(rest), &f); err != nil {
		return nil, err
	}
	return f.Info(), nil
}
