package redisack

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// closingTime bounds the last read of the head.
const closingTime = time.Second

// quiesce makes the goroutines of the run end and processes the results of the attempts under way.
// It leaves behind goroutines that do not end in time.
func (r *run) quiesce(ctx context.Context, timedOut bool) {
	r.stop()
	r.workers.close()
	r.awaitEnds(ctx, hangGrace, timedOut)
	// If the whole process stood still, the first wait may end before any other goroutine has run.
	r.awaitEnds(ctx, leaveGrace, timedOut)
	if n := r.schedule.running + r.helpers; n > 0 {
		r.warnings.add(fmt.Sprintf("%d calls have not returned", n))
		r.schedule.running, r.helpers = 0, 0
	}
	r.workers.quota.leave()
	r.workers.session.close()
}

// awaitEnds waits until every goroutine of the run has ended, but not longer than grace.
func (r *run) awaitEnds(ctx context.Context, grace time.Duration, timedOut bool) {
	last, cancel := withGrace(ctx, grace)
	defer cancel()
	for r.schedule.running > 0 || r.helpers > 0 {
		select {
		case res := <-r.workers.results:
			r.takeLateResult(res, timedOut)
		case <-r.refreshed:
			r.helpers--
		case <-r.acksEnded:
			r.helpers--
		case <-r.head.reads:
			r.helpers--
		case <-last.Done():
			return
		}
	}
}

// takeLateResult processes the result of an attempt that was under way at the end of the run. It
// ignores errors unless the run has timed out, because such an error only means that the run
// interrupted the attempt.
func (r *run) takeLateResult(res result, timedOut bool) {
	if res.err == nil || timedOut {
		r.takeResult(res)
		return
	}
	r.schedule.running--
}

// closing reads the head again, because acknowledgements only prove what clients ran, not that the
// write is still current.
func (r *run) closing(ctx context.Context, end ending) ending {
	if r.target.Rev == 0 || end.reason == ReasonCanceled {
		return end
	}
	ctx, cancel := withGrace(ctx, closingTime)
	defer cancel()
	read := r.head.read(ctx)
	if read.err != nil {
		r.warnings.add("the head could not be read at the end: " + wire.Clean(read.err.Error(), wire.MaxErrorText))
		return end
	}
	fate := r.head.fate(read.head, read.ok)
	if fate == ReasonWriteLost || (fate == ReasonSuperseded && !r.policy.AcceptNewer) {
		if end.reason != ReasonConfirmed {
			r.lastReason = end.reason
		}
		cause := fmt.Errorf("found version %q, revision %d", wire.Clean(read.head.Version, maxVersion), read.head.Rev)
		return ending{reason: fate, cause: cause}
	}
	return end
}

// finish ends the run and returns its result.
func (r *run) finish(ctx context.Context, end ending) (*AckResult, error) {
	r.quiesce(ctx, end.reason == ReasonTimeout)
	if end.last != 0 {
		r.lastReason = end.last
	}
	if end.reason == ReasonTimeout && r.fleet.decide() == met {
		end = ending{reason: ReasonConfirmed} // the last answers came just in time
	}
	end = r.closing(ctx, end)
	if end.reason == ReasonEndpointError && end.cause == nil {
		end.cause = r.fleet.broken()
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

// result returns the result of the run as of now.
func (r *run) result(reason Reason) *AckResult {
	res := &AckResult{
		OK: reason == ReasonConfirmed, Reason: reason, Last: r.lastReason, Target: r.target,
		Tally: r.tally(), Attempts: r.attempts, Elapsed: r.now(), Warnings: r.warnings.list,
	}
	if res.OK {
		res.Last = 0
	}
	res.Endpoints, res.Tally.ByVersion = r.fleet.report(res.OK)
	if n := r.hooks.dropped.Load(); n > 0 {
		res.Warnings = append(res.Warnings, fmt.Sprintf("%d calls of hooks were dropped", n))
	}
	return res
}

// failed returns the error of a run that ended before its first attempt.
func (r *run) failed(end ending) error {
	return &AckError{Result: r.result(end.reason), Cause: end.cause}
}
