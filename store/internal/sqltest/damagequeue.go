package sqltest

import (
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// queueDamages are the ways in which the table queue can be damaged of a plan of whose five tasks
// in flight 1 and 2 are ready and 3 and 4 wait, and the tables that errors name.
//
//nolint:gochecknoglobals // a constant table
var queueDamages = map[string]string{
	"DELETE FROM @.queue WHERE plan = 1":                                       "queue",
	"DELETE FROM @.queue WHERE plan = 1 AND ordinal = 1":                       "queue",
	"DELETE FROM @.queue WHERE plan = 1 AND ordinal = 3":                       "queue",
	"UPDATE @.queue SET ordinal = 6 WHERE plan = 1 AND ordinal = 1":            "task",
	"UPDATE @.queue SET queue = 2, due = 0 WHERE plan = 1 AND ordinal = 3":     "task",
	"INSERT INTO @.queue (plan, queue, due, ordinal) VALUES (1, 2, 0, 6)":      "task",
	"UPDATE @.queue SET due = due + 3600000000 WHERE plan = 1 AND ordinal = 3": "task",
	"UPDATE @.queue SET due = 7 WHERE plan = 1 AND ordinal = 1":                "task",
}

// Queue tests that a claim of a plan is refused if the table queue does not have the rows of its
// tasks in flight without a worker, and no others, and nothing is claimed. nowhere is the table
// that is named if a row has a queue or a task that there is not.
func (tb Tables) Queue(t *testing.T, nowhere string) {
	t.Helper()
	damages := map[string]string{
		"UPDATE @.queue SET queue = 9 WHERE plan = 1 AND ordinal = 1":    nowhere,
		"UPDATE @.queue SET ordinal = 99 WHERE plan = 1 AND ordinal = 1": nowhere,
	}
	for sql, table := range queueDamages {
		damages[sql] = table
	}
	each(t, damages, func(t *testing.T, sql, table string) {
		t.Helper()
		s := tb.site(t)
		s.start(6)
		held := s.Claim("worker", 5)
		for _, w := range held[:2] {
			s.End(w, store.Yield, nil)
		}
		for _, w := range held[2:4] {
			b := Ends(w, store.Defer, nil)
			b.Changes[0].Wait, b.Changes[0].After = task.WaitHold, time.Hour
			s.Work(b)
		}
		for _, of := range s.damage(sql) {
			b := store.Batch{Plan: 1, Claim: store.Claim{ID: "again", Worker: "worker", Max: 3}}
			s.corrupts("a claim", of.Commit(t.Context(), &b), table, "plan 1")
			if len(b.Claimed) > 0 {
				t.Errorf("%d tasks were claimed", len(b.Claimed))
			}
		}
	})
}

// Release tests that a plan that runs one task after the other does not end its rollback without an
// undo because the row is missing that says when it is the task's turn.
func (tb Tables) Release(t *testing.T) {
	t.Helper()
	each(t, map[string]string{
		"DELETE FROM @.release WHERE plan = 1":                            "release",
		"DELETE FROM @.release WHERE plan = 1 AND ordinal = 2":            "release",
		"UPDATE @.release SET ordinal = 3 WHERE plan = 1 AND ordinal = 2": "release",
	}, func(t *testing.T, sql, table string) {
		t.Helper()
		s := tb.site(t)
		s.CreateAs(3, strategy.Strategy{MaxConcurrency: strategy.Count(1)})
		s.Run()
		for range 3 {
			s.End(s.Claim("worker", 1)[0], store.Complete, nil)
		}
		s.damage(sql)
		s.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Rollback(plan.By{Now: time.Now()}) })
		p, err := s.store.Plan(t.Context(), 1)
		s.OK(err)
		_, err = s.store.Apply(t.Context(), store.Command{ID: "settle", Version: p.Version, Failed: -1, Decision: p.Settle(time.Now())})
		for n := 0; err == nil && n < 9; n++ {
			b := store.Batch{Plan: 1, Claim: store.Claim{ID: fmt.Sprint("undo ", n), Worker: "worker", Max: 1}}
			if err = s.store.Commit(t.Context(), &b); err == nil && len(b.Claimed) == 1 {
				err = s.store.Commit(t.Context(), Ends(b.Claimed[0], store.Undone, nil))
			}
		}
		s.corrupts("an undo round", err, table, "plan 1")
	})
}
