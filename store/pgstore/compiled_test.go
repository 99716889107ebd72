package pgstore

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// TestNothingIsCompiled: no statement is worth to be compiled by the server, neither on connections
// that have the settings nor in a transaction that begins with them.
func TestNothingIsCompiled(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	for name, prepare := range map[string]bool{"prepared": true, "behind a pooler": false} {
		s := server.open(t, Config{Prepare: prepare, Connections: 1})
		var plan strings.Builder
		err := s.write(t.Context(), func(tx *tx) error {
			tx.each(func(r pgx.Rows) error {
				var line string
				err := r.Scan(&line)
				plan.WriteString(line + "\n")
				return err
			}, "EXPLAIN ANALYZE DELETE FROM @.lease WHERE until <= "+clock)
			return nil
		})
		if err != nil || !strings.Contains(plan.String(), "Execution Time") || strings.Contains(plan.String(), "JIT") {
			t.Errorf("%s: %v\n%s", name, err, plan.String())
		}
	}
}
