package redisack

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// closingTime bounds the last look at the head.
const closingTime = time.Second

// leaveGrace is what each part of a call's end may take once the caller's context has ended.
const leaveGrace = 10 * time.Millisecond

// courtesy returns a context for what is left to do when a run is over. It ends after d, or a moment after the caller's.
func courtesy(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), d)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(leaveGrace, cancel) })
	return last, func() { stop(); cancel() }
}

// quiesce ends every goroutine of the run and takes in what the attempts under way have found. Those that do not end
// are left behind.
func (r *run) quiesce(ctx context.Context, timedOut bool) {
	r.stop()
	close(r.jobs)
	last, cancel := courtesy(ctx, hangGrace)
	defer cancel()
	for r.inFlight > 0 || r.helpers > 0 {
		select {
		case res := <-r.results:
			r.settleLate(res, timedOut)
		case <-r.refreshed:
			r.helpers--
		case <-r.acksEnded:
			r.helpers--
		case <-r.looks:
			r.helpers--
		case <-last.Done():
			r.warn(fmt.Sprintf("%d calls do not return", r.inFlight+r.helpers))
			r.inFlight, r.helpers = 0, 0
		}
	}
	r.lane.idle()
	r.prober.close()
}

// settleLate keeps what an attempt found; that it was broken off with the run is no finding.
func (r *run) settleLate(res result, timedOut bool) {
	if res.err == nil || timedOut {
		r.settle(res)
		return
	}
	r.inFlight--
}

// closing looks at the head again: acknowledgements prove what clients ran, not that the write is still the current one.
func (r *run) closing(ctx context.Context, end ending) ending {
	if r.target.Rev == 0 || end.reason == ReasonCanceled {
		return end
	}
	ctx, cancel := courtesy(ctx, closingTime)
	defer cancel()
	type found struct {
		head wire.Head
		ok   bool
	}
	now, err := await(ctx, func() (found, error) {
		head, ok, err := r.client.backend.head(ctx, r.names)
		return found{head, ok}, err
	})
	if err != nil {
		r.warn("the head could not be read at the end: " + wire.Clean(err.Error(), maxErrorText))
		return end
	}
	fate := r.fate(now.head, now.ok)
	if fate == ReasonWriteLost || (fate == ReasonSuperseded && !r.policy.AcceptNewer) {
		if end.reason != ReasonConfirmed {
			r.lastReason = end.reason
		}
		cause := fmt.Errorf("found version %q, revision %d", wire.Clean(now.head.Version, maxVersion), now.head.Rev)
		return ending{reason: fate, cause: cause}
	}
	return end
}

// fate tells what has become of the write: lost if the head does not follow from it, superseded if it does.
func (r *run) fate(head wire.Head, ok bool) Reason {
	t := r.target
	if !ok || head.Rev < t.Rev {
		return ReasonWriteLost
	}
	if t.WriteID == "" {
		if head.Rev > t.Rev {
			return ReasonSuperseded
		}
		return ReasonConfirmed
	}
	held, known := head.Holds(t.WriteID, t.Rev)
	switch {
	case known && !held:
		return ReasonWriteLost
	case head.Rev > t.Rev:
		return ReasonSuperseded
	}
	return ReasonConfirmed
}

// finish makes the account of the run.
func (r *run) finish(ctx context.Context, end ending) (*AckResult, error) {
	r.quiesce(ctx, end.reason == ReasonTimeout)
	if end.last != 0 {
		r.lastReason = end.last
	}
	if end.reason == ReasonTimeout && r.standing() == met {
		end = ending{reason: ReasonConfirmed} // the last answers came just in time
	}
	end = r.closing(ctx, end)
	if end.reason == ReasonEndpointError && end.cause == nil {
		end.cause = r.endpointCause()
	}
	res := r.result(end.reason)
	r.hooks.progress(r.target, res.Tally)
	r.log.Info("confirmation ended", zap.Stringer("reason", res.Reason), zap.Stringer("last", res.Last),
		zap.Int("members", res.Tally.Members), zap.Int("confirmed", res.Tally.Confirmed),
		zap.Int("attempts", res.Attempts), zap.Duration("elapsed", res.Elapsed))
	if res.OK {
		return res, nil
	}
	return res, &AckError{Result: res, Cause: end.cause}
}

// endpointCause is the error of the first member that cannot be asked.
func (r *run) endpointCause() error {
	for _, m := range r.members {
		if m.standing == standsBroken {
			return &endpointError{text: m.row.ID + ": " + m.row.Err, err: m.err}
		}
	}
	return nil
}

// result is the account as it stands.
func (r *run) result(reason Reason) *AckResult {
	res := &AckResult{
		OK: reason == ReasonConfirmed, Reason: reason, Last: r.lastReason, Target: r.target,
		Tally: r.tally(), Attempts: r.attempts, Elapsed: r.now(), Warnings: r.warnings,
		Endpoints: make([]EndpointReport, len(r.members)),
	}
	if res.OK {
		res.Last = 0
	}
	res.Tally.ByVersion = make(map[string]int)
	for i, m := range r.members {
		m.row.Reason = m.standing.reason()
		if res.OK && !m.standing.settled() {
			m.row.Reason = ReasonPending // not needed any more
		}
		if m.standing != standsGone && m.row.Version != "" {
			res.Tally.ByVersion[m.row.Version]++
		}
		res.Endpoints[i] = m.row
	}
	if n := r.hooks.dropped.Load(); n > 0 {
		res.Warnings = append(res.Warnings, fmt.Sprintf("%d calls of hooks were left out", n))
	}
	return res
}

// failed is the account of a run that ended before it could ask anybody.
func (r *run) failed(end ending) error {
	return &AckError{Result: r.result(end.reason), Cause: end.cause}
}

func cleanID(id string) string { return wire.Clean(id, maxVersion) }
