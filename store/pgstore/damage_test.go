package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// damages are the ways in which rows of plan 1 can be damaged that the plan cannot be read without,
// and the table that the error names.
//
//nolint:gochecknoglobals // a constant table
var damages = map[string]string{
	"UPDATE @.plan SET spec = '{' WHERE id = 1":                                       "plan",
	"UPDATE @.plan SET spec = '{}' WHERE id = 1":                                      "plan",
	"DELETE FROM @.control WHERE plan = 1":                                            "control",
	"UPDATE @.control SET control = 'x' WHERE plan = 1":                               "control",
	"UPDATE @.control SET control = '{\"state\":\"HAPPY\"}' WHERE plan = 1":           "control",
	"UPDATE @.control SET state = 4 WHERE plan = 1":                                   "control",
	"UPDATE @.control SET commands = 64 WHERE plan = 1":                               "control",
	"DELETE FROM @.facts WHERE plan = 1":                                              "facts",
	"UPDATE @.facts SET running = running + 1 WHERE plan = 1":                         "facts",
	"UPDATE @.facts SET running = -1, pending = pending + running + 1 WHERE plan = 1": "facts",
	"UPDATE @.facts SET held = 100 WHERE plan = 1":                                    "facts",
	"UPDATE @.facts SET last_event = 0 WHERE plan = 1":                                "facts",
	"DELETE FROM @.wave WHERE plan = 1 AND number = 1":                                "wave",
	"DELETE FROM @.wave WHERE plan = 1 AND number = 2":                                "wave",
	"UPDATE @.failure_group SET failed = 10 WHERE plan = 1":                           "failure_group",
	"UPDATE @.failure_group SET acknowledged = 10 WHERE plan = 1":                     "failure_group",
}

// damaged opens a store with plan 1, of whose six tasks two are held and one has failed, and with a
// plan 2, after a statement has damaged the tables.
func (s *schemas) damaged(t *testing.T, sql string) (o *operator, held []task.Task) {
	t.Helper()
	o = start(t, s.open(t, Config{Connections: 3}), 6)
	held = o.claim("worker", 3)
	o.end(held[2], store.Fail, &task.FailureInfo{ErrorCode: "CODE"})
	create(t, o.Store, 1)
	for number, last := range []int{2, 6} { // as if it had waves
		run(t, s.url(), qualified(fmt.Sprintf("INSERT INTO @.wave VALUES (1, %d, %d, 6, 0, 0, 0, 0, 0)", number+1, last), o.cfg.Schema))
	}
	run(t, s.url(), qualified(sql, o.cfg.Schema))
	o.Store = open(t, s.url(), Config{Schema: o.cfg.Schema, Connections: 3}) // it remembers nothing
	return o, held
}

// TestDamagedPlan: every call that needs a damaged row of a plan fails with an error that names the
// table and the plan, and does nothing; the other plan is not affected.
func TestDamagedPlan(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	for sql, table := range damages {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			s, held := server.damaged(t, sql)
			for name, call := range map[string]func(context.Context) error{
				"Plan":   func(ctx context.Context) error { _, err := s.Plan(ctx, 1); return err },
				"Task":   func(ctx context.Context) error { _, err := s.Task(ctx, held[0].ID); return err },
				"States": func(ctx context.Context) error { _, err := s.States(ctx, 1, 0, 0); return err },
				"Commit": func(ctx context.Context) error { return s.Commit(ctx, saves(1, held[:1], 1, "A", nil)) },
				"Apply": func(ctx context.Context) error {
					_, err := s.Apply(ctx, store.Command{ID: "c", Version: 3, Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: 1}}})
					return err
				},
			} {
				if err := call(t.Context()); !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "table "+s.cfg.Schema+"."+table+", plan 1") {
					t.Errorf("%s: %v, want an error that names the table %s", name, err, table)
				}
			}
			plans, err := s.Plans(t.Context(), store.PlanQuery{})
			if len(plans) != 1 || plans[0].ID != 2 || !errors.Is(err, store.ErrCorrupt) {
				t.Errorf("%d plans, %v", len(plans), err)
			}
			var partly *store.HeartbeatError
			if err := s.Join(t.Context(), "worker", 1e9, store.Process{}); err != nil {
				t.Error(err)
			}
			if _, err := s.Heartbeat(t.Context(), "worker", 1e9, []plan.ID{1, 2}); !errors.As(err, &partly) || len(partly.Faults) != 1 {
				t.Errorf("a heartbeat: %v", err)
			}
		})
	}
}

// TestDamagedTask: a damaged task is left out with an error that names its row, no worker gets it,
// and the changes of other tasks in the same commit are made.
func TestDamagedTask(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	for _, column := range []string{
		"state = 10", "state = -1", "request = 9", "wait = 7", "tenant = ''", "version = 0", "failure = '{'", "labels = '['", "attempts = '[]'", "undo = '\\x00'",
		"claim = 77", "state = 3", "waiting = true",
	} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			s, held := server.damaged(t, "UPDATE @.task SET "+column+" WHERE plan = 1 AND ordinal = 1")
			tasks, err := s.TasksAt(t.Context(), 1, []int{1, 2})
			if len(tasks) != 1 || tasks[0].ID != held[1].ID || !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), ".task, plan 1, ordinal 1") {
				t.Errorf("%d tasks, %v", len(tasks), err)
			}
			if column == "claim = 77" {
				return // what the worker says is right
			}
			b := saves(1, held[:2], 1, "A", nil)
			if err := s.Commit(t.Context(), b); err != nil || !errors.Is(b.Changes[0].Err, store.ErrCorrupt) || b.Changes[1].Err != nil {
				t.Errorf("a commit: %v, %v, %v", err, b.Changes[0].Err, b.Changes[1].Err)
			}
		})
	}
	s, _ := server.damaged(t, "UPDATE @.task SET failure = 'x' WHERE plan = 1 AND ordinal = 4")
	for range 2 {
		b := store.Batch{Plan: 1, Claim: store.Claim{ID: "again", Worker: "worker", Max: 3}}
		if err := s.Commit(t.Context(), &b); !errors.Is(err, store.ErrCorrupt) || len(b.Claimed) != 0 {
			t.Errorf("a claim: %v, %d tasks", err, len(b.Claimed))
		}
	}
	if p, err := s.Plan(t.Context(), 1); err != nil || p.Counters.Held != 2 {
		t.Errorf("%d tasks are held, %v", p.Counters.Held, err)
	}
}

// TestDamagedCommand: a plan that has lost the id of a command refuses commands only.
func TestDamagedCommand(t *testing.T) {
	t.Parallel()
	o, held := newSchemas(t).damaged(t, "DELETE FROM @.wave WHERE plan = 1; DELETE FROM @.command WHERE plan = 1 AND slot = 0")
	o.end(held[0], store.Complete, nil)
	_, err := o.Apply(t.Context(), store.Command{ID: "c", Version: 3, Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: 1}}})
	if !errors.Is(err, store.ErrCorrupt) || !strings.Contains(err.Error(), "command, plan 1") {
		t.Errorf("a command: %v", err)
	}
}
