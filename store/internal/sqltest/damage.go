package sqltest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Tables are what a store keeps its plans in, and what tests damage. In the statements of this
// package the tables are called @.plan, @.task and so on.
type Tables struct {
	// Open returns a store on empty tables.
	Open func(t testing.TB) store.Store
	// Damage runs a statement behind the back of a store, and returns one on the same tables that
	// remembers nothing of what was there.
	Damage func(t testing.TB, s store.Store, sql string) store.Store
	// Shared reports that the first store can still be used then.
	Shared bool
	// Name is how errors of a store name one of its tables.
	Name func(s store.Store, table string) string
}

// site is a plan whose tables a test damages.
type site struct {
	*Operator
	tables Tables
	store  store.Store
}

func (tb Tables) site(t testing.TB) *site {
	t.Helper()
	s := &site{tables: tb, store: tb.Open(t)}
	s.Operator = NewOperator(t, func() store.Store { return s.store })
	return s
}

// start begins a plan of n tenants, which has the number 1.
func (s *site) start(n int) {
	s.Helper()
	s.Create(n)
	s.Run()
}

// damage runs a statement, and returns the stores that have to notice it.
func (s *site) damage(sql string) []store.Store {
	s.Helper()
	before := s.store
	s.store = s.tables.Damage(s.TB, before, sql)
	if s.tables.Shared {
		return []store.Store{before, s.store}
	}
	return []store.Store{s.store}
}

// corrupts reports an error that is none about a damaged row of a table, which key tells from
// others.
func (s *site) corrupts(what string, err error, table, key string) {
	s.Helper()
	want := s.tables.Name(s.store, table) + ", " + key
	if damage := new(store.CorruptError); !errors.As(err, &damage) || !strings.HasPrefix(damage.Key, want) {
		s.Errorf("%s: %v, want an error that names %s", what, err, want)
	}
}

// each runs a test for each of the statements, which damage rows of the tables that errors have to
// name.
func each(t *testing.T, damages map[string]string, test func(t *testing.T, sql, table string)) {
	t.Helper()
	for sql, table := range damages {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			test(t, sql, table)
		})
	}
}

// planDamages are the ways in which rows of plan 1 can be damaged that the plan cannot be read
// without, and the table that the error names.
//
//nolint:gochecknoglobals // a constant table
var planDamages = map[string]string{
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

// waves are rows as if plan 1, of six tasks, had waves.
const waves = "INSERT INTO @.wave VALUES (1, 1, 2, 6, 0, 0, 0, 0, 0), (1, 2, 6, 6, 0, 0, 0, 0, 0); "

// withHeld begins plan 1, of whose six tasks two are held and one has failed, and creates plan 2.
func (tb Tables) withHeld(t testing.TB) (s *site, held []task.Task) {
	t.Helper()
	s = tb.site(t)
	other := *s.Operator
	s.start(6)
	held = s.Claim("worker", 3)
	s.End(held[2], store.Fail, &task.FailureInfo{ErrorCode: "CODE"})
	other.Create(1)
	return s, held[:2]
}

// Plan tests that every call that needs a damaged row of a plan fails with an error that names the
// table and the plan, and does nothing; the other plan is not affected.
func (tb Tables) Plan(t *testing.T) {
	t.Helper()
	each(t, planDamages, func(t *testing.T, sql, table string) {
		t.Helper()
		s, held := tb.withHeld(t)
		s.damage(waves + sql)
		for name, call := range map[string]func(context.Context) error{
			"Plan":   func(ctx context.Context) error { _, err := s.store.Plan(ctx, 1); return err },
			"Task":   func(ctx context.Context) error { _, err := s.store.Task(ctx, held[0].ID); return err },
			"States": func(ctx context.Context) error { _, err := s.store.States(ctx, 1, 0, 0); return err },
			"Commit": func(ctx context.Context) error { return s.store.Commit(ctx, Saves(1, held[:1], 1, "A", nil)) },
			"Apply":  s.command,
		} {
			s.corrupts(name, call(t.Context()), table, "plan 1")
		}
		plans, err := s.store.Plans(t.Context(), store.PlanQuery{})
		if len(plans) != 1 || plans[0].ID != 2 || !errors.Is(err, store.ErrCorrupt) {
			t.Errorf("%d plans, %v", len(plans), err)
		}
		s.OK(s.store.Join(t.Context(), "worker", time.Second, store.Process{}))
		var partly *store.HeartbeatError
		if _, err := s.store.Heartbeat(t.Context(), "worker", time.Second, []plan.ID{1, 2}); !errors.As(err, &partly) || len(partly.Faults) != 1 {
			t.Errorf("a heartbeat: %v", err)
		}
	})
}

// command is a command that would change nothing.
func (s *site) command(ctx context.Context) error {
	_, err := s.store.Apply(ctx, store.Command{ID: "c", Version: 3, Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: 1}}})
	return err
}

// Command tests that a plan that has lost the id of a command refuses commands; spares tells
// whether it refuses nothing else.
func (tb Tables) Command(t *testing.T, spares bool) {
	t.Helper()
	s, held := tb.withHeld(t)
	s.damage("DELETE FROM @.command WHERE plan = 1 AND slot = 0")
	err := s.store.Commit(t.Context(), Ends(held[0], store.Complete, nil))
	if spares {
		s.OK(err)
	} else {
		s.corrupts("a commit", err, "command", "plan 1")
	}
	s.corrupts("a command", s.command(t.Context()), "command", "plan 1")
}
