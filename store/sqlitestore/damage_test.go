package sqlitestore

import (
	"strings"
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
)

// tables returns files.
func tables() sqltest.Tables {
	return sqltest.Tables{
		Open: func(t testing.TB) store.Store { t.Helper(); return open(t, newFile(t), Config{}) },
		Damage: func(t testing.TB, s store.Store, sql string) store.Store {
			t.Helper()
			path := s.(*Store).path
			if err := s.(*Store).Close(); err != nil {
				t.Fatal(err)
			}
			scribble(t, path, strings.ReplaceAll(sql, "@.", ""))
			return open(t, path, Config{})
		},
		Name: func(s store.Store, table string) string { return s.(*Store).path + ": table " + table },
	}
}

func TestDamagedPlan(t *testing.T)    { t.Parallel(); tables().Plan(t) }
func TestDamagedCommand(t *testing.T) { t.Parallel(); tables().Command(t, false) }
func TestDamagedTask(t *testing.T)    { t.Parallel(); tables().Task(t, "undo = x'00'", "waiting = 1") }
func TestDamagedQueue(t *testing.T)   { t.Parallel(); tables().Queue(t, "task") }
func TestDamagedLock(t *testing.T)    { t.Parallel(); tables().Locks(t) }
func TestDamagedPlace(t *testing.T)   { t.Parallel(); tables().Places(t) }
func TestDamagedRelease(t *testing.T) { t.Parallel(); tables().Release(t) }
func TestDamagedOthers(t *testing.T)  { t.Parallel(); tables().Others(t) }

func TestDamagedEvent(t *testing.T) {
	t.Parallel()
	tables().Events(t, map[string]string{
		"DELETE FROM event WHERE plan = 1 AND seq = 2":                                         "event",
		"UPDATE event SET seq = 1000 WHERE plan = 1 AND seq = 2":                               "event",
		"UPDATE event SET list = '[' WHERE plan = 1 AND seq = 2":                               "event",
		"UPDATE event SET list = '[]' WHERE plan = 1 AND seq = 2":                              "event",
		"UPDATE event SET list = '[[]]' WHERE plan = 1 AND seq = 2":                            "event",
		"UPDATE event SET list = '[[0,0,0,\"x\",\"HAPPY\",\"x\"]]' WHERE plan = 1 AND seq = 2": "event",
		"UPDATE event SET count = 7 WHERE plan = 1 AND seq = 2":                                "event",
		"UPDATE task SET tenant = '' WHERE plan = 1 AND ordinal = 1":                           "task",
		"UPDATE facts SET last_event = last_event + 1 WHERE plan = 1":                          "event",
	})
}

func TestDamagedClaim(t *testing.T) {
	t.Parallel()
	tables().Claim(t, map[string]string{
		"DELETE FROM claim WHERE plan = 1 AND number = 1":                    "claim",
		"UPDATE claim SET tasks = x'00000000' WHERE plan = 1 AND number = 1": "claim",
		"UPDATE claim SET tasks = x'0102' WHERE plan = 1 AND number = 1":     "claim",
		"UPDATE claim SET number = 9 WHERE plan = 1 AND number = 1":          "claim",
	})
}
