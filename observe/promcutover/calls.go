package promcutover

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/store/observed"
)

// calls counts and times the calls of a store. It implements observed.Observer.
//
// To read the clock twice costs more than a commit in memory may, so of a purpose whose last timed
// call was fast only one call in sampling is timed, and counts for all. Stores over a network are
// timed at each call.
type calls struct {
	began  time.Time
	counts [observed.NumOps]atomic.Uint64
	times  [numPurposes]*histogram
	fast   [numPurposes]atomic.Bool
}

const (
	sampling = 16
	fastCall = 20 * time.Microsecond
	// markSampled, added to a mark, says that the call counts for all that were not timed.
	markSampled = 1 << 62
)

func newCalls(form Histograms) *calls {
	c := &calls{began: time.Now()}
	for i := range c.times {
		c.times[i] = newHistogram(form, callBounds())
	}
	return c
}

// Begin implements observed.Observer. The mark is when the call began, plus 1 ns; 0 if the call is
// not timed.
func (c *calls) Begin(ctx context.Context, op observed.Op) (context.Context, int64) {
	n := c.counts[op].Add(1)
	if c.fast[purposes[op]].Load() {
		if n%sampling != 0 {
			return ctx, 0
		}
		return ctx, int64(time.Since(c.began)) + 1 + markSampled
	}
	return ctx, int64(time.Since(c.began)) + 1
}

// End implements observed.Observer.
func (c *calls) End(_ context.Context, op observed.Op, mark int64, _ error) {
	if mark == 0 {
		return
	}
	weight := uint64(1)
	if mark >= markSampled {
		mark, weight = mark-markSampled, sampling
	}
	took := time.Since(c.began) - time.Duration(mark-1)
	p := purposes[op]
	c.times[p].observe(took, weight)
	if fast := took < fastCall; fast != c.fast[p].Load() {
		c.fast[p].Store(fast)
	}
}

// purpose is why a store is called.
type purpose uint8

const (
	forCommit purpose = iota
	forClaim
	forCommand
	forLease
	forLock
	forAgenda
	forSubscription
	forQuery

	numPurposes = int(forQuery) + 1
)

//nolint:gochecknoglobals // a constant table
var purposeNames = [numPurposes]string{"commit", "claim", "command", "lease", "lock", "agenda", "subscription", "query"}

// purposes has the purpose of each call.
//
//nolint:gochecknoglobals // a constant table
var purposes = [observed.NumOps]purpose{
	observed.OpBeginCreate: forCommand, observed.OpAddTenants: forCommand, observed.OpFinishCreate: forCommand,
	observed.OpAppendTenants: forCommand, observed.OpRemove: forCommand, observed.OpApply: forCommand,
	observed.OpCommit: forCommit, observed.OpClaim: forClaim,
	observed.OpJoin: forLease, observed.OpHeartbeat: forLease, observed.OpLeave: forLease, observed.OpReport: forLease,
	observed.OpReserve: forLock, observed.OpLocks: forLock, observed.OpReplace: forLock, observed.OpRelease: forLock,
	observed.OpOccupy: forLock, observed.OpVacate: forLock, observed.OpPlaces: forLock, observed.OpCountPlaces: forQuery,
	observed.OpDue: forAgenda, observed.OpReschedule: forAgenda, observed.OpRemind: forAgenda,
	observed.OpCursor: forSubscription, observed.OpMoveCursor: forSubscription, observed.OpSubscribe: forSubscription,
	observed.OpUnsubscribe: forSubscription, observed.OpListSubscriptions: forSubscription, observed.OpReportSubscription: forSubscription,
	observed.OpUnread: forSubscription, observed.OpMarkUnread: forSubscription, observed.OpMarkRead: forSubscription,
	observed.OpPositions: forSubscription, observed.OpAddDeadLetter: forSubscription, observed.OpDeadLetters: forSubscription,
	observed.OpDropDeadLetter: forSubscription,
	observed.OpOrphans:        forQuery, observed.OpWorkers: forQuery, observed.OpHoldings: forQuery, observed.OpPlan: forQuery,
	observed.OpPlans: forQuery, observed.OpTask: forQuery, observed.OpTasksAt: forQuery, observed.OpTasks: forQuery,
	observed.OpStates: forQuery, observed.OpTenants: forQuery, observed.OpAppended: forQuery, observed.OpEvents: forQuery,
	observed.OpPlanEvents: forQuery,
}

// callBounds are the bounds of the classic buckets for calls of a store.
func callBounds() []time.Duration {
	const µs, ms, s = time.Microsecond, time.Millisecond, time.Second
	return []time.Duration{
		100 * µs, 250 * µs, 500 * µs, ms, 2500 * µs, 5 * ms, 10 * ms, 25 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, s, 2500 * ms, 5 * s, 10 * s,
	}
}

// taskBounds are those for tasks, and for what takes as long as tasks do.
func taskBounds() []time.Duration {
	const ms, s, m, h = time.Millisecond, time.Second, time.Minute, time.Hour
	return []time.Duration{
		10 * ms, 50 * ms, 100 * ms, 250 * ms, 500 * ms, s, 2500 * ms, 5 * s, 10 * s, 30 * s, m, 5 * m, 15 * m, h, 6 * h,
	}
}
