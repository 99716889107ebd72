package pgstore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// TestDamagedEvent: who reads a damaged log is told which event makes no sense, and the plan goes
// on.
func TestDamagedEvent(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	for sql, table := range map[string]string{
		"DELETE FROM @.event WHERE plan = 1 AND seq = 3":                  "event",
		"UPDATE @.event SET seq = 1000 WHERE plan = 1 AND seq = 3":        "event",
		"UPDATE @.event SET detail = '{' WHERE plan = 1 AND seq = 2":      "event",
		"UPDATE @.event SET detail = '[]' WHERE plan = 1 AND seq = 4":     "event",
		"UPDATE @.event SET cause = '' WHERE plan = 1 AND seq = 4":        "event",
		"UPDATE @.event SET before = 'HAPPY' WHERE plan = 1 AND seq = 4":  "event",
		"UPDATE @.event SET after = '' WHERE plan = 1 AND seq = 4":        "event",
		"UPDATE @.event SET after = 'SKIPPED' WHERE plan = 1 AND seq = 2": "event",
		"UPDATE @.event SET attempt = -1 WHERE plan = 1 AND seq = 4":      "event",
		"UPDATE @.event SET ordinal = -1 WHERE plan = 1 AND seq = 4":      "event",
		"UPDATE @.event SET ordinal = 99 WHERE plan = 1 AND seq = 4":      "task",
		"UPDATE @.task SET tenant = '' WHERE plan = 1 AND ordinal = 1":    "task",
		"UPDATE @.facts SET last_event = last_event + 1 WHERE plan = 1":   "event",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			o := start(t, server.open(t, Config{Connections: 3}), 3)
			held := o.claim("worker", 3)
			o.scribble(server, sql)
			_, err := o.Events(t.Context(), 1, 0, 0)
			o.corrupts("events", err, table)
			o.commit(saves(1, held[1:], 1, "A", nil))
		})
	}
}

// TestDamagedClaim: a claim that makes no sense is named by whoever needs it, and costs no other
// task anything.
func TestDamagedClaim(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	for sql, table := range map[string]string{
		"DELETE FROM @.claim WHERE plan = 1 AND number = 1":               "claim",
		"UPDATE @.claim SET held = '{}' WHERE plan = 1 AND number = 1":    "claim",
		"UPDATE @.claim SET held = '{0}' WHERE plan = 1 AND number = 1":   "claim",
		"UPDATE @.claim SET held = '{2,3}' WHERE plan = 1 AND number = 1": "claim",
		"UPDATE @.claim SET held = '{{1}}' WHERE plan = 1 AND number = 1": "claim",
		"UPDATE @.claim SET ended = -1 WHERE plan = 1 AND number = 1":     "claim",
		"UPDATE @.claim SET ended = 1 WHERE plan = 1 AND number = 1":      "claim",
		"UPDATE @.claim SET number = 9 WHERE plan = 1 AND number = 1":     "claim",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			o := start(t, server.open(t, Config{Connections: 3}), 3)
			held := append(o.claim("worker", 1), o.claim("worker", 1)...)
			o.scribble(server, sql)
			done := func(i int) error {
				return o.Commit(t.Context(), &store.Batch{Plan: 1, Changes: []store.Change{{Task: held[i].ID, Token: held[i].Token, Seq: 1, Kind: store.Complete}}})
			}
			o.corrupts("an end", done(0), table)
			o.ok(done(1))
		})
	}
}

// TestDamagedOthers: rows that belong to no plan are named by their keys; a cursor that is ahead of
// the log is noticed, and a plan that the agenda has lost returns with its next command.
func TestDamagedOthers(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{Connections: 3}), 3)
	o.ok(o.Join(t.Context(), "worker", time.Minute, store.Process{}))
	_, err := o.Subscribe(t.Context(), "n", false)
	o.ok(err)
	_, err = o.Cursor(t.Context(), 1, "n", "o", time.Minute)
	o.ok(err)
	for _, c := range []struct {
		sql, key string
		call     func() error
	}{
		{"UPDATE @.lease SET executors = '{'", ".lease, incarnation \"worker\"", func() error { _, err := o.Workers(t.Context(), "", 0); return err }},
		{"UPDATE @.subscription SET status = '{'", ".subscription, n", func() error { _, err := o.ListSubscriptions(t.Context()); return err }},
	} {
		o.scribble(server, c.sql)
		if err := c.call(); err == nil || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s: %v, want an error that names %s", c.sql, err, c.key)
		}
	}
	o.scribble(server, "UPDATE @.cursor SET seq = 1000")
	at, err := o.Cursor(t.Context(), 1, "n", "o", time.Minute)
	o.ok(err)
	if _, err := o.Events(t.Context(), 1, at, 0); !errors.Is(err, store.ErrEventsAhead) {
		t.Errorf("events after a cursor from nowhere: %v", err)
	}
	o.scribble(server, "DELETE FROM @.agenda")
	o.decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{Now: time.Now()}) })
	if due, err := o.Due(t.Context(), nil, 0); err != nil || len(due) != 1 {
		t.Errorf("%d plans are due, %v", len(due), err)
	}
}
