package sqlitestore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// corrupts reports an error that is none about a damaged row of a table.
func (o *operator) corrupts(what string, err error, table string) {
	o.Helper()
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), o.path+": table "+table+", plan 1") {
		o.Errorf("%s: %v, want an error that names the table %s", what, err, table)
	}
}

// scribbled continues on a file that was changed behind the store's back.
func (o *operator) scribbled(t *testing.T, sql string) {
	t.Helper()
	path := o.path
	o.ok(o.Close())
	scribble(t, path, sql)
	o.Store = open(t, path, Config{})
}

// TestDamagedQueue: a claim of a plan of whose five tasks in flight two are ready and two wait is
// refused if the table queue does not have these rows, and no others, and nothing is claimed.
func TestDamagedQueue(t *testing.T) {
	t.Parallel()
	for sql, table := range map[string]string{
		"DELETE FROM queue WHERE plan = 1":                                       "queue",
		"DELETE FROM queue WHERE plan = 1 AND ordinal = 1":                       "queue",
		"DELETE FROM queue WHERE plan = 1 AND ordinal = 3":                       "queue",
		"UPDATE queue SET ordinal = 6 WHERE plan = 1 AND ordinal = 1":            "task",
		"UPDATE queue SET ordinal = 99 WHERE plan = 1 AND ordinal = 1":           "task",
		"UPDATE queue SET queue = 9 WHERE plan = 1 AND ordinal = 1":              "task",
		"UPDATE queue SET queue = 2, due = 0 WHERE plan = 1 AND ordinal = 3":     "task",
		"INSERT INTO queue (plan, queue, due, ordinal) VALUES (1, 2, 0, 6)":      "task",
		"UPDATE queue SET due = due + 3600000000 WHERE plan = 1 AND ordinal = 3": "task",
		"UPDATE queue SET due = 7 WHERE plan = 1 AND ordinal = 1":                "task",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			o := start(t, open(t, newFile(t), Config{}), 6)
			held := o.claim("worker", 5)
			for i, kind := range []store.ChangeKind{store.Yield, store.Yield, store.Defer, store.Defer} {
				c := store.Change{Task: held[i].ID, Token: held[i].Token, Seq: 1, Kind: kind}
				if kind == store.Defer {
					c.Wait, c.After = task.WaitHold, time.Hour
				}
				o.commit(&store.Batch{Plan: 1, Changes: []store.Change{c}})
			}
			o.scribbled(t, sql)
			b := store.Batch{Plan: 1, Claim: store.Claim{ID: "again", Worker: "worker", Max: 3}}
			o.corrupts("a claim", o.Commit(t.Context(), &b), table)
			if len(b.Claimed) > 0 {
				t.Errorf("%d tasks were claimed", len(b.Claimed))
			}
		})
	}
}

// TestDamagedRelease: a plan that runs one task after the other does not end its rollback without
// an undo because the row is missing that says when it is the task's turn.
func TestDamagedRelease(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"DELETE FROM release WHERE plan = 1",
		"DELETE FROM release WHERE plan = 1 AND ordinal = 2",
		"UPDATE release SET ordinal = 3 WHERE plan = 1 AND ordinal = 2",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			o := createAs(t, open(t, newFile(t), Config{}), 3, strategy.Strategy{MaxConcurrency: strategy.Count(1)})
			o.run()
			for range 3 {
				o.end(o.claim("worker", 1)[0], store.Complete, nil)
			}
			o.scribbled(t, sql)
			o.decide(func(p plan.Plan) (plan.Decision, error) { return p.Rollback(plan.By{Now: time.Now()}) })
			p, err := o.Plan(t.Context(), 1)
			o.ok(err)
			_, err = o.Apply(t.Context(), store.Command{ID: "settle", Version: p.Version, Failed: -1, Decision: p.Settle(time.Now())})
			for n := 0; err == nil && n < 9; n++ {
				b := store.Batch{Plan: 1, Claim: store.Claim{ID: fmt.Sprint("undo ", n), Worker: "worker", Max: 1}}
				if err = o.Commit(t.Context(), &b); err == nil && len(b.Claimed) == 1 {
					c := b.Claimed[0]
					err = o.Commit(t.Context(), &store.Batch{Plan: 1, Changes: []store.Change{{Task: c.ID, Token: c.Token, Seq: 1, Kind: store.Undone}}})
				}
			}
			o.corrupts("an undo round", err, "release")
		})
	}
}
