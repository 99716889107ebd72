package pgstore

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
)

// TestHealth: dead rows, the share of updates that touched no index, and who keeps dead rows are
// told; updates of tasks are HOT mostly, also when rows grow at their first checkpoint.
func TestHealth(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 500)
	c, err := pgx.Connect(t.Context(), server.URL("postgres", "postgres")+"&application_name=report")
	o.OK(err)
	defer func() { _ = c.Close(context.WithoutCancel(o.Ctx)) }()
	_, err = c.Exec(o.Ctx, "BEGIN ISOLATION LEVEL REPEATABLE READ")
	o.OK(err)
	var pid int
	o.OK(c.QueryRow(o.Ctx, "SELECT pg_backend_pid()").Scan(&pid))

	held := o.Claim("worker", 500)
	for first := 0; first < len(held); first += store.MaxBatch {
		part := held[first : first+store.MaxBatch]
		o.Work(sqltest.Saves(o.ID, part, 1, "STEP", make([]byte, 200)))
		done := &store.Batch{Plan: o.ID}
		for _, w := range part {
			done.Changes = append(done.Changes, store.Change{Task: w.ID, Token: w.Token, Seq: 2, Kind: store.Complete})
		}
		o.Work(done)
	}
	var tasks TableHealth
	for deadline := time.Now().Add(time.Minute); tasks.Updates < 1500; time.Sleep(100 * time.Millisecond) {
		// Each connection tells its statistics when it is used again, after a second.
		h, err := o.Health(o.Ctx)
		o.OK(err)
		if want := fmt.Sprintf("process %d, user postgres, application report", pid); !strings.HasPrefix(h.Oldest.Holder, want) || h.Oldest.Since <= 0 || h.Oldest.Transactions < 5 {
			t.Fatalf("oldest: %+v, want %s", h.Oldest, want)
		}
		for _, w := range h.Tables {
			if w.Name == "task" {
				tasks = w
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("tables: %+v", h.Tables)
		}
		_, err = o.Plan(o.Ctx, o.ID)
		o.OK(err)
	}
	if tasks.HOT < 0.5 || tasks.HOT > 1 || tasks.Dead < 500 || tasks.Bytes <= 0 {
		t.Errorf("tasks: %+v", tasks)
	}
}
