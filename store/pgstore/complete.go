package pgstore

import (
	"errors"

	"github.com/cutover-go/cutover/store/rules"
)

// queueCount counts rows of the table queue: of tasks that are ready, and of those that wait.
type queueCount struct {
	ready, waiting         int
	moreReady, moreWaiting bool // perhaps there are more than were read
}

// add counts a row. last means that no more were asked for.
func (c *queueCount) add(q rules.Queue, last bool) {
	n, more := &c.ready, &c.moreReady
	if q >= rules.Waiting {
		n, more = &c.waiting, &c.moreWaiting
	}
	*n++
	*more = *more || last
}

// complete returns an error if the table queue lacks tasks, or has too many: the plan would wait
// for them for ever.
func (r *rows) complete(n *rules.Need) error {
	c := &r.p.Counters
	if free := c.InFlight() - c.Slots(); n.Queues.Has(rules.Running) && !r.queued.moreReady && r.queued.ready != free {
		return r.p.s.corrupt("queue", r.p.ID, "%d tasks are ready, facts counts %d", r.queued.ready, free)
	}
	if n.Queues.Has(rules.Waiting) && !r.queued.moreWaiting && r.queued.waiting != c.Waiting {
		return r.p.s.corrupt("queue", r.p.ID, "%d tasks are waiting, facts counts %d", r.queued.waiting, c.Waiting)
	}
	return nil
}

// allUndone returns an error if a sequential plan is about to end a round of undos and has left a
// task out, because the end of its last hold is missing.
func (r *rows) allUndone(t *tx) error {
	if !r.p.UndosExhausted || r.p.was.facts.exhausted || !r.p.Sequential() {
		return nil
	}
	var lost bool
	var ordinal uint32
	t.one(&lost, []any{&ordinal}, `SELECT t.ordinal FROM @.task AS t WHERE t.plan = $1 AND t.attempt > 0 AND t.state = ANY ($2::smallint[])
		AND NOT EXISTS (SELECT 1 FROM @.release AS r WHERE r.plan = t.plan AND r.released = t.released AND r.ordinal = t.ordinal) LIMIT 1`,
		int64(r.p.ID), undoables())
	if err := t.flush(); err != nil || !lost {
		return err
	}
	return t.s.corrupt("release", r.p.ID, "the end of a hold of task %d is missing", ordinal)
}

// Err returns the error of a row that the rules have missed, by the table that lacks it.
func (r *rows) Err() error {
	var missing *rules.MissingError
	if !errors.As(r.Loaded.Err(), &missing) {
		return nil
	}
	return r.p.s.corrupt(missing.Table, missing.Plan, "%s %d is missing", missing.Table, missing.Number)
}
