package redisack

import "github.com/cutover-go/cutover/redisack/internal/wire"

// matched counts a match, and confirms the member if it has matched often enough.
func (r *run) matched(m *member) {
	m.waits = 0
	if m.matches++; m.matches == 1 {
		m.firstMatch = r.now()
	}
	stable := r.policy.Stable
	if m.matches >= stable.Count && r.now()-m.firstMatch >= stable.For {
		m.row.ConfirmedAfter = r.now()
		r.finalize(m, statusConfirmed)
		return
	}
	if r.policy.exhausted(m.row.Attempts) {
		r.finalize(m, statusExhausted)
		return
	}
	r.fleet.set(m, statusPending)
	r.askLater(m)
}

// reportsNewer processes an answer that names a newer write.
func (r *run) reportsNewer(m *member, obs Observation) {
	if r.head.follows(obs) {
		r.ahead(m)
		return
	}
	r.fleet.set(m, statusDifferent)
	if r.head.hold(m, obs) {
		r.helpers++
		go func() { r.head.reads <- r.head.read(r.ctx) }() // buffered
	}
}

// ahead sets the final status of a member that runs a newer write, or counts a match if the policy
// accepts newer writes.
func (r *run) ahead(m *member) {
	if r.policy.AcceptNewer {
		r.matched(m)
		return
	}
	r.lastReason = ReasonSuperseded
	r.finalize(m, statusAhead)
}

// rejected sets the final status of a member whose client has rejected this revision. Only a report
// of a restarted client may overrule that status.
func (r *run) rejected(m *member, obs Observation) {
	if obs.Attempt != nil {
		m.row.Err = wire.Clean(obs.Attempt.Error, wire.MaxErrorText)
	}
	m.rejectedBy = obs.Boot
	m.matches = 0
	r.lastReason = ReasonRejected
	r.finalize(m, statusRejected)
}

// notYet plans the next attempt at a client that answers but runs something else.
func (r *run) notYet(m *member, s status) {
	m.matches = 0
	r.lastReason = ReasonMismatch
	if r.policy.exhausted(m.row.Attempts) {
		r.finalize(m, statusExhausted)
		return
	}
	r.fleet.set(m, s)
	r.askLater(m)
}

func (r *run) askLater(m *member) {
	delay := r.policy.Interval.next(m.waits)
	m.waits++
	if !m.running {
		r.schedule.plan(r.now(), m, delay)
	}
}

// leave sets a member to gone and removes it from the schedule.
func (r *run) leave(m *member) {
	r.progress.changed = true
	r.lastReason = ReasonGone
	r.fleet.remove(m)
	r.finalize(m, statusGone)
}

// finalize sets the final status of a member, which is then no longer asked.
func (r *run) finalize(m *member, s status) {
	r.schedule.drop(m)
	r.fleet.set(m, s)
	m.row.Reason = s.reason()
	r.hooks.endpoint(r.target, m.row)
}
