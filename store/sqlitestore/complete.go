package sqlitestore

import (
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// checkQueue returns an error if the table queue does not have the tasks in flight that nobody
// holds, and no others: the plan would wait for them for ever, or a claim would take what it must
// not. It is called when the writer reads a plan for the first time.
func (c *conn) checkQueue(p *rollout) error {
	ready, waiting := 0, 0
	err := c.each(`SELECT q.queue, q.due, q.ordinal, t.claim, t.state, t.request, t.waiting, t.wait_until
		FROM queue AS q LEFT JOIN task AS t ON t.plan = q.plan AND t.ordinal = q.ordinal WHERE q.plan = ?`, []any{int64(p.ID)}, func(r row) error {
		t := rules.Task{
			Claim: uint32(r.ColumnInt64(3)), State: task.State(r.ColumnInt64(4)), Request: task.Request(r.ColumnInt64(5)), Waiting: r.ColumnInt64(6) != 0,
		}
		due := int64(0)
		if t.Waiting {
			due = r.ColumnInt64(7)
			waiting++
		} else {
			ready++
		}
		if r.ColumnInt64(0) != int64(t.Place().Queue) || r.ColumnInt64(1) != due {
			return c.damaged(p.ID, uint32(r.ColumnInt64(2)), "it is in the table queue, and should not be")
		}
		return nil
	})
	free := p.Counters.InFlight() - p.Counters.Slots()
	if err == nil && (ready != free || waiting != p.Counters.Waiting) {
		err = c.corrupt("queue", p.ID, "%d tasks are ready and %d are waiting, facts counts %d and %d", ready, waiting, free, p.Counters.Waiting)
	}
	return err
}

// allUndone returns an error if a sequential plan is about to end a round of undos and has left a
// task out, because the end of its last hold is missing.
func (r *rows) allUndone() error {
	if !r.p.UndosExhausted || r.p.written.facts.exhausted || !r.p.Sequential() {
		return nil
	}
	lost := uint32(0)
	err := r.c.each(`SELECT t.ordinal, t.state, t.attempt FROM task AS t WHERE t.plan = ? AND t.attempt > 0
		AND NOT EXISTS (SELECT 1 FROM release AS r WHERE r.plan = t.plan AND r.released = t.released AND r.ordinal = t.ordinal)`,
		[]any{int64(r.p.ID)}, func(s row) error {
			if o := uint32(s.ColumnInt64(0)); undoable(s.ColumnInt64(1), s.ColumnInt(2)) {
				lost = o
				return errFound
			}
			return nil
		})
	if err != nil && !isFound(err) {
		return err
	}
	if lost != 0 {
		return r.c.corrupt("release", r.p.ID, "the end of a hold of task %d is missing", lost)
	}
	return nil
}
