package sqlitestore

import (
	"math/rand/v2"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/task"
)

// TestPendings compares what the writer remembers of pending tasks with the table, while tasks
// begin, are skipped and are asked for in any order.
func TestPendings(t *testing.T) {
	t.Parallel()
	const n = 3 * window
	s := open(t, newFile(t), Config{})
	o := start(t, s, n)
	left := make([]bool, n+1)
	for i := 1; i <= n; i++ {
		left[i] = true
	}
	for range 15 {
		if rand.IntN(2) == 0 {
			for _, w := range o.Claim("worker", 1+rand.IntN(100)) {
				left[w.ID.Ordinal()] = false
			}
		} else {
			o.skip(t, left, 1+rand.IntN(n-100), 60)
		}
		o.asks(t, left)
	}
}

// skip skips pending tasks from an ordinal on.
func (o *operator) skip(t *testing.T, left []bool, from, n int) {
	t.Helper()
	var edits []task.Edit
	for i := from; i < len(left) && len(edits) < n; i++ {
		if !left[i] {
			continue
		}
		found, err := o.Task(o.Ctx, task.NewID(o.ID, i))
		o.OK(err)
		e, err := found.Skip()
		o.OK(err)
		edits, left[i] = append(edits, e), false
	}
	o.Decide(func(p plan.Plan) (plan.Decision, error) {
		p.Counters.States[task.Pending] -= len(edits)
		p.Counters.States[task.Skipped] += len(edits)
		return plan.Decision{Plan: p, Edits: edits, Changed: true, Events: []plan.Event{{Plan: p.ID, Cause: plan.ByPause.String(), From: "RUNNING", To: "RUNNING"}}}, nil
	})
}

// asks asks for the first pending task from any ordinal on, as the rules do.
func (o *operator) asks(t *testing.T, left []bool) {
	t.Helper()
	err := o.writer.write(o.Ctx, func(tx *tx) error {
		p, err := tx.plan(o.ID)
		if err != nil {
			return err
		}
		for range 20 {
			from := 1 + rand.IntN(len(left)-1)
			until := from + rand.IntN(len(left)-from)
			r := tx.rows(p)
			first, known := r.Next(rules.Pending, uint32(from), uint32(until))
			want := from
			for want <= until && !left[want] {
				want++
			}
			switch {
			case known && first == 0 && want > until, known && int(first) == want:
			case !known && int(first) < want && int(first) >= from-1 && int(first) < until:
			default:
				t.Errorf("from %d until %d: %d, known %v; the first is %d", from, until, first, known, want)
			}
		}
		return nil
	})
	o.OK(err)
}
