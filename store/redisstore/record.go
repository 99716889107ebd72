package redisstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// spec is the stored form of the data with which a plan was created.
type spec struct {
	Name        string            `json:"name"`
	Executor    string            `json:"executor"`
	Parameters  map[string]string `json:"parameters,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Strategy    strategyRecord    `json:"strategy"`
	Tasks       int               `json:"tasks"`
	Key         string            `json:"key,omitempty"`
	CreatedAt   *time.Time        `json:"createdAt,omitempty"`
	CreatedBy   string            `json:"createdBy,omitempty"`
}

func specOf(p *plan.Plan) spec {
	return spec{
		Name: p.Name, Executor: p.ExecutorType, Parameters: p.Parameters, Annotations: p.Annotations, Tasks: p.TaskCount - p.Added,
		Key: p.IdempotencyKey, CreatedAt: moment(p.CreatedAt), CreatedBy: p.CreatedBy, Strategy: strategyOf(&p.Strategy),
	}
}

// fill copies s into p.
func (s *spec) fill(p *plan.Plan) (err error) {
	p.Name, p.ExecutorType, p.Parameters, p.TaskCount, p.IdempotencyKey = s.Name, s.Executor, s.Parameters, s.Tasks, s.Key
	p.Annotations, p.CreatedBy = s.Annotations, s.CreatedBy
	if s.CreatedAt != nil {
		p.CreatedAt = *s.CreatedAt
	}
	return s.Strategy.fill(&p.Strategy)
}

// control is the stored form of plan.Control, without what rules and the field waves contain.
type control struct {
	State        string     `json:"state"`
	PauseReasons uint8      `json:"pauseReasons,omitempty"`
	Acknowledged int        `json:"acknowledged,omitempty"`
	Starting     *starting  `json:"starting,omitempty"`
	Added        int        `json:"added,omitempty"`
	Adding       *adding    `json:"adding,omitempty"`
	Dropped      int        `json:"dropped,omitempty"`
	StartToken   uint64     `json:"startToken,omitempty,string"`
	Undo         *undoRound `json:"undo,omitempty"`
	Sweeps       []sweep    `json:"sweeps,omitempty"`
	Wave         int        `json:"wave,omitempty"`
	Gate         uint8      `json:"gate,omitempty"`
	Approved     []int      `json:"approved,omitempty"`
	Undone       []int      `json:"undone,omitempty"`
	Tuning       *tuning    `json:"tuning,omitempty"`
	StartedAt    *time.Time `json:"startedAt,omitempty"`
	StartedBy    string     `json:"startedBy,omitempty"`
	EndedAt      *time.Time `json:"endedAt,omitempty"`
}

type adding struct {
	Token   uint64        `json:"token,string"`
	Tenants int           `json:"tenants"`
	TTL     time.Duration `json:"ttl,omitempty"`
	Actor   string        `json:"actor,omitempty"`
	GivenUp bool          `json:"givenUp,omitempty"`
}

type starting struct {
	Token uint64        `json:"token,string"`
	TTL   time.Duration `json:"ttl,omitempty"`
	Actor string        `json:"actor,omitempty"`
}

type undoRound struct {
	Round    int  `json:"round"`
	First    int  `json:"first,omitempty"`
	Last     int  `json:"last,omitempty"`
	Next     int  `json:"next,omitempty"`
	Open     bool `json:"open,omitempty"`
	Stopping bool `json:"stopping,omitempty"`
}

func controlOf(c *plan.Control) control {
	r := control{
		State: c.State.String(), PauseReasons: uint8(c.PauseReasons), Acknowledged: c.Acknowledged,
		StartToken: c.StartToken, StartedAt: moment(c.StartedAt), StartedBy: c.StartedBy, EndedAt: moment(c.EndedAt),
		Added: c.Added, Dropped: c.Dropped, Wave: c.Wave, Gate: uint8(c.Gate), Approved: c.Approved, Undone: c.Undone, Tuning: tuningOf(&c.Tuning),
	}
	if c.Starting != nil {
		r.Starting = &starting{c.Starting.Token, c.Starting.TTL, c.Starting.Actor}
	}
	if c.Adding != nil {
		a := adding(*c.Adding)
		r.Adding = &a
	}
	if c.Undo != (plan.Undo{}) {
		u := undoRound(c.Undo)
		r.Undo = &u
	}
	for i := range c.Sweeps {
		r.Sweeps = append(r.Sweeps, sweepOf(&c.Sweeps[i]))
	}
	return r
}

func (r *control) fill(c *plan.Control) (err error) {
	if c.State, err = plan.ParseState(r.State); err != nil {
		return err
	}
	c.PauseReasons, c.Acknowledged, c.StartToken = plan.PauseReasons(r.PauseReasons), r.Acknowledged, r.StartToken
	c.StartedBy = r.StartedBy
	c.Wave, c.Gate, c.Approved, c.Undone = r.Wave, plan.Gate(r.Gate), r.Approved, r.Undone
	for i := range r.Sweeps {
		s, err := r.Sweeps[i].sweep()
		if err != nil {
			return err
		}
		c.Sweeps = append(c.Sweeps, s)
	}
	if r.Starting != nil {
		c.Starting = &plan.Starting{Token: r.Starting.Token, TTL: r.Starting.TTL, Actor: r.Starting.Actor}
	}
	c.Added, c.Dropped = r.Added, r.Dropped
	if r.Adding != nil {
		a := plan.Adding(*r.Adding)
		c.Adding = &a
	}
	if r.Undo != nil {
		c.Undo = plan.Undo(*r.Undo)
	}
	if r.Tuning != nil {
		if err := r.Tuning.fill(&c.Tuning); err != nil {
			return err
		}
	}
	if r.StartedAt != nil {
		c.StartedAt = *r.StartedAt
	}
	if r.EndedAt != nil {
		c.EndedAt = *r.EndedAt
	}
	return nil
}

// moment returns nil for the zero time, so that it is left out.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// parsePlan reads an answer of plan.lua.
func parsePlan(id plan.ID, r *reader) (plan.Plan, error) {
	p := plan.Plan{ID: id, Version: uint64(r.number('|'))}
	rules := parseRules(r.until('|'))
	facts := parseFacts(r.until('|'))
	created, changed, now := r.number('|'), r.number('|'), r.number('|')
	var s spec
	var c control
	errs := json.Unmarshal([]byte(r.sized()), &s)
	if errs == nil {
		errs = json.Unmarshal([]byte(r.sized()), &c)
	}
	waves, tallies, groups := r.sized(), r.sized(), r.sized()
	if err := r.err(); err != nil {
		return p, err
	}
	if errs == nil {
		errs = s.fill(&p)
	}
	if errs == nil {
		errs = c.fill(&p.Control)
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

// failureRecord is the stored form of a failure.
type failureRecord struct {
	Reason    string    `json:"reason"`
	ErrorCode string    `json:"errorCode"`
	Timestamp time.Time `json:"timestamp"`
	Step      string    `json:"step,omitempty"`
	Attempt   int       `json:"attempt,omitempty"`
	Retryable bool      `json:"retryable,omitempty"`
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
	return append(to, marshalFailure(&c)...)
}

// marshalFailure returns f as JSON.
func marshalFailure(c *task.FailureInfo) []byte {
	text, err := json.Marshal(failureRecord{c.Reason, c.ErrorCode, c.Timestamp.UTC(), c.Step, c.Attempt, c.Retryable})
	if err != nil { // a time that JSON cannot express, from the year 10000 on
		text, _ = json.Marshal(failureRecord{Reason: c.Reason, ErrorCode: c.ErrorCode, Step: c.Step, Attempt: c.Attempt, Retryable: c.Retryable})
	}
	return text
}

// parseFailure reads the stored form of a failure.
func parseFailure(text string) (*task.FailureInfo, error) {
	_, _, rest, ok := cutGroupKey(text)
	if !ok {
		return nil, errGroups
	}
	var f failureRecord
	if err := json.Unmarshal([]byte(rest), &f); err != nil {
		return nil, err
	}
	return f.info(), nil
}

func (f *failureRecord) info() *task.FailureInfo {
	return &task.FailureInfo{
		Reason: f.Reason, ErrorCode: f.ErrorCode, Timestamp: f.Timestamp,
		Step: f.Step, Attempt: f.Attempt, Retryable: f.Retryable,
	}
}
