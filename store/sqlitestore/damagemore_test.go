package sqlitestore

import (
	"testing"

	"github.com/cutover-go/cutover/store"
)

// TestDamagedEvent: who reads a damaged log is told which event makes no sense, and the plan goes
// on.
func TestDamagedEvent(t *testing.T) {
	t.Parallel()
	for sql, table := range map[string]string{
		"DELETE FROM event WHERE plan = 1 AND seq = 2":                                         "event",
		"UPDATE event SET seq = 1000 WHERE plan = 1 AND seq = 2":                               "event",
		"UPDATE event SET list = '[' WHERE plan = 1 AND seq = 2":                               "event",
		"UPDATE event SET list = '[]' WHERE plan = 1 AND seq = 2":                              "event",
		"UPDATE event SET list = '[[]]' WHERE plan = 1 AND seq = 2":                            "event",
		"UPDATE event SET list = '[[0,0,0,\"x\",\"HAPPY\",\"x\"]]' WHERE plan = 1 AND seq = 2": "event",
		"UPDATE event SET count = 7 WHERE plan = 1 AND seq = 2":                                "event",
		"UPDATE task SET tenant = '' WHERE plan = 1 AND ordinal = 1":                           "task",
		"UPDATE facts SET last_event = last_event + 1 WHERE plan = 1":                          "event",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			o := start(t, open(t, newFile(t), Config{}), 3)
			held := o.claim("worker", 3)
			o.scribbled(t, sql)
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
	for _, sql := range []string{
		"DELETE FROM claim WHERE plan = 1 AND number = 1",
		"UPDATE claim SET tasks = x'00000000' WHERE plan = 1 AND number = 1",
		"UPDATE claim SET tasks = x'0102' WHERE plan = 1 AND number = 1",
		"UPDATE claim SET number = 9 WHERE plan = 1 AND number = 1",
	} {
		t.Run(sql, func(t *testing.T) {
			t.Parallel()
			o := start(t, open(t, newFile(t), Config{}), 3)
			held := append(o.claim("worker", 1), o.claim("worker", 1)...)
			o.scribbled(t, sql)
			done := func(i int) error {
				return o.Commit(t.Context(), &store.Batch{Plan: 1, Changes: []store.Change{{Task: held[i].ID, Token: held[i].Token, Seq: 1, Kind: store.Complete}}})
			}
			o.corrupts("an end", done(0), "claim")
			o.ok(done(1))
		})
	}
}
