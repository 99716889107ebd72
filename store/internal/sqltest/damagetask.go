package sqltest

import (
	"errors"
	"testing"

	"github.com/cutover-go/cutover/store"
)

// taskDamages are changes of the row of task 1, which is held.
//
//nolint:gochecknoglobals // a constant table
var taskDamages = map[string]string{
	"state = 10": "task", "state = -1": "task", "request = 9": "task", "wait = 7": "task", "tenant = ''": "task", "version = 0": "task",
	"failure = '{'": "task", "labels = '['": "task", "attempts = '[]'": "task", "claim = 77": "task", "state = 3": "task",
}

// Task tests that a damaged task is left out with an error that names its row, no worker gets it,
// and the changes of other tasks in the same commit are made. more are further changes of the row
// of task 1, which is held.
func (tb Tables) Task(t *testing.T, more ...string) {
	t.Helper()
	damages := map[string]string{}
	for sql, table := range taskDamages {
		damages[sql] = table
	}
	for _, sql := range more {
		damages[sql] = "task"
	}
	each(t, damages, func(t *testing.T, sql, table string) {
		t.Helper()
		s, held := tb.withHeld(t)
		s.damage("UPDATE @.task SET " + sql + " WHERE plan = 1 AND ordinal = 1")
		tasks, err := s.store.TasksAt(t.Context(), 1, []int{1, 2})
		if s.corrupts("tasks", err, table, "plan 1, ordinal 1"); len(tasks) != 1 || tasks[0].ID != held[1].ID {
			t.Errorf("%d tasks", len(tasks))
		}
		if sql == "claim = 77" {
			return // what the worker says is right
		}
		b := Saves(1, held, 1, "A", nil)
		s.OK(s.store.Commit(t.Context(), b))
		s.OK(b.Changes[1].Err)
		s.corrupts("a change", b.Changes[0].Err, table, "plan 1, ordinal 1")
	})
	s, _ := tb.withHeld(t)
	s.damage("UPDATE @.task SET failure = 'x' WHERE plan = 1 AND ordinal = 4")
	for range 2 {
		b := store.Batch{Plan: 1, Claim: store.Claim{ID: "again", Worker: "worker", Max: 3}}
		if err := s.store.Commit(t.Context(), &b); !errors.Is(err, store.ErrCorrupt) || len(b.Claimed) != 0 {
			t.Errorf("a claim: %v, %d tasks", err, len(b.Claimed))
		}
	}
	if p, err := s.store.Plan(t.Context(), 1); err != nil || p.Counters.Held != 2 {
		t.Errorf("%d tasks are held, %v", p.Counters.Held, err)
	}
}

// Events tests that who reads a damaged log is told which event makes no sense, and the plan goes
// on.
func (tb Tables) Events(t *testing.T, damages map[string]string) {
	t.Helper()
	each(t, damages, func(t *testing.T, sql, table string) {
		t.Helper()
		s := tb.site(t)
		s.start(3)
		held := s.Claim("worker", 3)
		for _, of := range s.damage(sql) {
			_, err := of.Events(t.Context(), 1, 0, 0)
			s.corrupts("events", err, table, "plan 1")
		}
		s.Work(Saves(1, held[1:], 1, "A", nil))
	})
}

// Claim tests that a claim that makes no sense is named by whoever needs it, and costs no other
// task anything. The claim has number 1, and holds task 1.
func (tb Tables) Claim(t *testing.T, damages map[string]string) {
	t.Helper()
	each(t, damages, func(t *testing.T, sql, table string) {
		t.Helper()
		s := tb.site(t)
		s.start(3)
		held := append(s.Claim("worker", 1), s.Claim("worker", 1)...)
		for _, of := range s.damage(sql) {
			s.corrupts("an end", of.Commit(t.Context(), Ends(held[0], store.Complete, nil)), table, "plan 1")
		}
		s.End(held[1], store.Complete, nil)
	})
}
