package pgstore

import (
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
)

// tables returns schemas of a server of its own.
func tables(t *testing.T) sqltest.Tables {
	t.Helper()
	server := newSchemas(t)
	return sqltest.Tables{
		Open: func(t testing.TB) store.Store { t.Helper(); return server.open(t, Config{Connections: 3}) },
		Damage: func(t testing.TB, s store.Store, sql string) store.Store {
			t.Helper()
			schema := s.(*Store).cfg.Schema
			run(t, server.url(), qualified(sql, schema))
			return open(t, server.url(), Config{Schema: schema, Connections: 3})
		},
		Shared: true,
		Name:   func(s store.Store, table string) string { return "table " + s.(*Store).cfg.Schema + "." + table },
	}
}

func TestDamagedPlan(t *testing.T)    { t.Parallel(); tables(t).Plan(t) }
func TestDamagedCommand(t *testing.T) { t.Parallel(); tables(t).Command(t, true) }
func TestDamagedTask(t *testing.T) {
	t.Parallel()
	tables(t).Task(t, `undo = '\x00'`, "waiting = true")
}
func TestDamagedQueue(t *testing.T)   { t.Parallel(); tables(t).Queue(t, "queue") }
func TestDamagedLock(t *testing.T)    { t.Parallel(); tables(t).Locks(t) }
func TestDamagedPlace(t *testing.T)   { t.Parallel(); tables(t).Places(t) }
func TestDamagedRelease(t *testing.T) { t.Parallel(); tables(t).Release(t) }

func TestDamagedEvent(t *testing.T) {
	t.Parallel()
	tables(t).Events(t, map[string]string{
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
	})
}

func TestDamagedClaim(t *testing.T) {
	t.Parallel()
	tables(t).Claim(t, map[string]string{
		"DELETE FROM @.claim WHERE plan = 1 AND number = 1":               "claim",
		"UPDATE @.claim SET held = '{}' WHERE plan = 1 AND number = 1":    "claim",
		"UPDATE @.claim SET held = '{0}' WHERE plan = 1 AND number = 1":   "claim",
		"UPDATE @.claim SET held = '{2,3}' WHERE plan = 1 AND number = 1": "claim",
		"UPDATE @.claim SET held = '{{1}}' WHERE plan = 1 AND number = 1": "claim",
		"UPDATE @.claim SET ended = -1 WHERE plan = 1 AND number = 1":     "claim",
		"UPDATE @.claim SET ended = 1 WHERE plan = 1 AND number = 1":      "claim",
		"UPDATE @.claim SET number = 9 WHERE plan = 1 AND number = 1":     "claim",
	})
}

func TestDamagedOthers(t *testing.T) { t.Parallel(); tables(t).Others(t) }

// TestDamagedLease: a lease is named by the incarnation that has it.
func TestDamagedLease(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	s := server.open(t, Config{})
	if err := s.Join(t.Context(), "worker", time.Minute, store.Process{}); err != nil {
		t.Fatal(err)
	}
	run(t, server.url(), qualified("UPDATE @.lease SET executors = '{'", s.cfg.Schema))
	damage := new(store.CorruptError)
	if _, err := s.Workers(t.Context(), "", 0); !errors.As(err, &damage) || damage.Key != "table "+s.cfg.Schema+".lease, incarnation \"worker\"" {
		t.Errorf("workers: %v", err)
	}
}

// TestLostAgenda: a plan that the agenda has lost returns with its next command.
func TestLostAgenda(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 3)
	run(t, server.url(), qualified("DELETE FROM @.agenda", o.cfg.Schema))
	o.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{Now: time.Now()}) })
	if due, err := o.Due(t.Context(), nil, 0); err != nil || len(due) != 1 {
		t.Errorf("%d plans are due, %v", len(due), err)
	}
}
