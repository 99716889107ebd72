package redisack

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
	"github.com/cutover-go/cutover/redisack/probe"
)

// takeResult processes the result of an attempt.
func (r *run) takeResult(res result) {
	m := res.m
	late := r.schedule.end(m, res.slow)
	r.hooks.attempt(Attempted{
		Target: r.target, ID: m.row.ID, Group: m.ep.Group, Attempt: m.row.Attempts,
		Verdict: res.verdict, Err: res.err, Took: res.took,
	})
	if late { // the attempt counted as hung; its result is too old
		return
	}
	m.delays = res.delays
	if m.status.final() || m.ep != res.ep { // settled or moved while it was being asked
		r.schedule.plan(r.now(), m, 0)
		return
	}
	if res.err != nil {
		r.fail(m, res.err, res.delay)
		return
	}
	r.observe(m, res.obs, res.verdict, viaPoll)
}

// takeAcks processes pushed acknowledgements.
func (r *run) takeAcks(batch pushedAcks) {
	if batch.warning != "" {
		r.warnings.add(batch.warning)
	}
	for _, ack := range batch.acks {
		m := r.fleet.byInstance[ack.obs.Instance]
		switch {
		case m == nil:
			r.strangers++
			r.progress.changed = true
		case !m.status.final():
			r.observe(m, ack.obs, ack.verdict, viaPush)
		case m.overruledBy(ack.verdict, ack.obs.Boot):
			r.fleet.set(m, statusPending) // the client has restarted since its final report
			m.row.ConfirmedAfter = 0
			r.observe(m, ack.obs, ack.verdict, viaPush)
		}
	}
}

// takeHead processes the reports that have waited for a read of the head.
func (r *run) takeHead(read headRead) {
	r.helpers--
	if read.err != nil {
		r.warnings.add("the head could not be read: " + wire.Clean(read.err.Error(), wire.MaxErrorText))
	}
	for _, report := range r.head.take(read) {
		m := report.m
		if m.status.final() || !m.unverified {
			continue
		}
		m.unverified = false
		if r.head.follows(report.obs) {
			r.ahead(m)
		} else {
			r.notYet(m, statusDifferent)
		}
	}
}

// fail processes an error of an attempt.
func (r *run) fail(m *member, err *ProbeError, delay time.Duration) {
	r.progress.changed = true
	m.err = err
	m.row.Kind, m.row.Status = err.Kind, err.Status
	m.row.Err = wire.Clean(err.Error(), wire.MaxErrorText)
	m.matches, m.waits = 0, 0
	m.slow = err.Kind == probe.KindTimeout
	if m.slow {
		m.timeout = min(2*m.timeout, r.policy.AttemptTimeout)
	}
	r.lastReason = ReasonEndpointError
	r.log.Debug("endpoint error", zap.String("endpoint", m.row.ID), zap.String("error", m.row.Err))
	if err.Permanent || delay < 0 || r.policy.exhausted(m.row.Attempts) {
		r.finalize(m, statusBroken)
		return
	}
	r.fleet.set(m, statusErrored)
	r.schedule.plan(r.now(), m, delay)
}

// route says how an answer arrived.
type route uint8

const (
	viaPoll route = iota
	viaPush
)

// observe processes an answer of a member whose status is not final.
func (r *run) observe(m *member, obs Observation, verdict Verdict, via route) {
	if m = r.answering(m, obs); m == nil {
		return
	}
	r.progress.changed = true
	m.unverified = false
	r.record(m, obs, verdict, via)
	switch verdict {
	case VerdictMatch:
		r.matched(m)
	case VerdictAhead:
		r.reportsNewer(m, obs)
	case VerdictRejected:
		r.rejected(m, obs)
	case VerdictBehind:
		r.notYet(m, statusBehind)
	case VerdictDifferent, VerdictUnknown:
		r.notYet(m, statusDifferent)
	}
}

// answering returns the member for which an answer counts, nil for none.
func (r *run) answering(m *member, obs Observation) *member {
	switch who, holder := r.fleet.identify(m, obs.Instance); who {
	case otherMember:
		err := fmt.Errorf("instance %q is already counted for %s", cleanID(obs.Instance), holder.row.ID)
		r.fail(m, &ProbeError{Kind: probe.KindInstance, Status: obs.Status, Err: err}, r.policy.Interval.next(m.waits))
		return nil
	case otherInstance:
		r.leave(m)
		r.warnings.add(fmt.Sprintf("instance %q answers at the address of %s, which counts as gone: replaced, or misnamed in the fleet",
			cleanID(obs.Instance), m.row.ID))
		return r.fleet.replace(m, obs.Instance)
	case sameMember:
	}
	return m
}

// record copies the answer to the member's row in the result.
func (r *run) record(m *member, obs Observation, verdict Verdict, via route) {
	row := &m.row
	now := r.now()
	if row.First == 0 {
		row.First = now
	}
	row.LastSeen, row.Verdict, row.Pushed = now, verdict, via == viaPush
	row.Rev, row.Version = obs.Rev, wire.Clean(obs.Version, maxVersion)
	row.Status, row.Err, row.Kind = obs.Status, "", 0
	if obs.Boot != m.boot {
		m.boot, m.matches = obs.Boot, 0
		row.Boots++
	}
	m.slow, m.last = false, m.last && via == viaPoll
	if m.delays != nil && !m.running {
		resetDelays(m)
	}
}

// resetDelays resets the delays that the member waits after errors. It calls the host's code, which
// may panic.
func resetDelays(m *member) {
	defer func() {
		if recover() != nil {
			m.delays = nil // the next error creates new delays
		}
	}()
	m.delays.Reset()
}
