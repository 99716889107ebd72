package redisack

import (
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// settle takes in the result of an attempt.
func (r *run) settle(res result) {
	m := res.m
	r.inFlight--
	r.slowInFlight -= one(res.slow)
	m.running = false
	r.hooks.attempt(Attempted{
		Target: r.target, ID: m.row.ID, Group: m.ep.Group, Attempt: res.attempt,
		Verdict: res.verdict, Err: res.err, Took: res.took,
	})
	if m.stuck { // it has been given up; what it says now is too old
		m.stuck = false
		return
	}
	r.agenda.drop(m)
	m.delays = res.delays
	if m.standing.settled() || m.ep != res.ep {
		r.replan(m)
		return
	}
	if res.err != nil {
		r.fail(m, res.err, res.delay)
		return
	}
	r.observe(m, res.obs, res.verdict, false)
}

// replan asks again a member whose address has changed while it was asked.
func (r *run) replan(m *member) {
	if r.prober.polls() {
		r.plan(m, 0)
	}
}

// fail takes in an error.
func (r *run) fail(m *member, err *ProbeError, delay time.Duration) {
	r.changed = true
	m.err = err
	m.row.Kind, m.row.Status = err.Kind, err.Status
	m.row.Err = wire.Clean(err.Error(), maxErrorText)
	m.matches, m.waits = 0, 0
	m.slow = err.Kind == probe.KindTimeout
	if m.slow {
		m.timeout = min(2*m.timeout, r.policy.AttemptTimeout)
	}
	r.lastReason = ReasonEndpointError
	r.log.Debug("endpoint error", zap.String("endpoint", m.row.ID), zap.String("error", m.row.Err))
	if err.Permanent || delay < 0 || r.exhausted(m) {
		r.conclude(m, standsBroken)
		return
	}
	r.census.move(m, standsErrored)
	r.plan(m, delay)
}

// exhausted reports whether the member has had all its attempts.
func (r *run) exhausted(m *member) bool {
	return r.policy.MaxAttempts > 0 && m.row.Attempts >= r.policy.MaxAttempts
}

// observe takes in an answer, polled or pushed, of a member that is not settled.
func (r *run) observe(m *member, obs Observation, verdict Verdict, pushed bool) {
	m, kept := r.identify(m, obs)
	if !kept {
		return
	}
	r.changed = true
	m.claiming = false
	r.record(m, obs, verdict, pushed)
	switch verdict {
	case VerdictMatch:
		r.matched(m)
	case VerdictAhead:
		r.claimed(m, obs)
	case VerdictRejected:
		r.refused(m, obs)
	case VerdictBehind:
		r.notYet(m, standsBehind)
	case VerdictDifferent, VerdictUnknown:
		r.notYet(m, standsDifferent)
	}
}

// record keeps what the answer says for the report.
func (r *run) record(m *member, obs Observation, verdict Verdict, pushed bool) {
	row := &m.row
	now := r.now()
	if row.First == 0 {
		row.First = now
	}
	row.LastSeen, row.Verdict, row.Pushed = now, verdict, pushed
	row.Rev, row.Version = obs.Rev, wire.Clean(obs.Version, maxVersion)
	row.Status, row.Err, row.Kind = obs.Status, "", 0
	if obs.Boot != m.boot {
		m.boot, m.matches = obs.Boot, 0
		row.Boots++
	}
	m.slow, m.last = false, m.last && !pushed
	if m.delays != nil && !m.running {
		r.resetDelays(m)
	}
}

// resetDelays begins the schedule of errors anew. It is the caller's code.
func (r *run) resetDelays(m *member) {
	defer func() {
		if recover() != nil {
			m.delays = nil // the next error makes a new one
		}
	}()
	m.delays.Reset()
}

// matched counts a match; enough of them are a confirmation.
func (r *run) matched(m *member) {
	m.waits = 0
	if m.matches++; m.matches == 1 {
		m.firstMatch = r.now()
	}
	stable := r.policy.Stable
	if m.matches >= stable.Count && r.now()-m.firstMatch >= stable.For {
		m.row.ConfirmedAfter = r.now()
		r.conclude(m, standsConfirmed)
		return
	}
	if r.exhausted(m) {
		r.conclude(m, standsExhausted)
		return
	}
	r.census.move(m, standsPending)
	r.later(m)
}

// refused ends a member whose client will not take this revision; only another process in its place may.
func (r *run) refused(m *member, obs Observation) {
	if obs.Attempt != nil {
		m.row.Err = wire.Clean(obs.Attempt.Error, maxErrorText)
	}
	m.refusedBy = obs.Boot
	m.matches = 0
	r.lastReason = ReasonRejected
	r.conclude(m, standsRejected)
}

// notYet plans the next look at a client that is well but runs something else.
func (r *run) notYet(m *member, s standing) {
	m.matches = 0
	r.lastReason = ReasonMismatch
	if r.exhausted(m) {
		r.conclude(m, standsExhausted)
		return
	}
	r.census.move(m, s)
	r.later(m)
}

func (r *run) later(m *member) {
	delay := r.policy.Interval.next(m.waits)
	m.waits++
	if r.prober.polls() && !m.running {
		r.plan(m, delay)
	}
}

// conclude settles a member. It is not asked any more.
func (r *run) conclude(m *member, s standing) {
	r.agenda.drop(m)
	r.census.move(m, s)
	m.row.Reason = s.reason()
	r.hooks.endpoint(r.target, m.row)
}
