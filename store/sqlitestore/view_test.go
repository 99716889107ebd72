package sqlitestore

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// query runs SQL as a person does, beside the store that has the file open.
func query(t *testing.T, s *Store, sql string) (rows []map[string]any) {
	t.Helper()
	err := s.read(t.Context(), func(c *conn) error {
		return c.each(sql, nil, func(r row) error {
			m := make(map[string]any)
			for i := range r.ColumnCount() {
				m[r.ColumnName(i)] = r.ColumnText(i)
			}
			rows = append(rows, m)
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestViews: the views say what the API says, of tasks in every state, and of pending tasks in a
// plan that cancels them as well.
func TestViews(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	o := start(t, s, 8)
	held := o.Claim("worker", 5)
	o.End(held[0], store.Complete, nil)
	o.End(held[1], store.Fail, &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Reason: "the gateway did not answer"})
	o.Work(sqltest.Saves(o.ID, held[2:3], 1, "SWITCHED", []byte(`{"to":"blue"}`)))
	o.Work(&store.Batch{Plan: o.ID, Changes: []store.Change{{
		Task: held[3].ID, Token: held[3].Token, Seq: 1, Kind: store.Defer, Wait: task.WaitHold, After: time.Hour,
	}}})
	compareViews(t, o)
	failed := query(t, s, "select tenant, state, failure from tasks where state='FAILED'")
	if len(failed) != 1 || failed[0]["tenant"] != "tenant-2" || failed[0]["failure"] != "GATEWAY_TIMEOUT: the gateway did not answer" {
		t.Errorf("failed: %v", failed)
	}
	if got := query(t, s, "select step, checkpoint from tasks where ordinal = 3"); got[0]["step"] != "SWITCHED" || got[0]["checkpoint"] != `{"to":"blue"}` {
		t.Errorf("checkpoint: %v", got)
	}
	o.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{Now: time.Now()}) })
	compareViews(t, o)
	if got := query(t, s, "select * from tasks where state='CANCELLED'"); len(got) != 3 {
		t.Errorf("%d tasks are CANCELLED, want the 3 that were pending", len(got))
	}
}

// compareViews compares the views with the API.
func compareViews(t *testing.T, o *operator) {
	t.Helper()
	tasks, _, err := o.Tasks(o.Ctx, o.ID, store.TaskQuery{})
	o.OK(err)
	rows := query(t, o.Store, "select * from tasks order by ordinal")
	if len(rows) != len(tasks) {
		t.Fatalf("%d rows for %d tasks", len(rows), len(tasks))
	}
	for i := range tasks {
		w, r := &tasks[i], rows[i]
		want := fmt.Sprintln(w.ID.Ordinal(), w.Tenant.ID, w.State, w.Attempt, w.Worker, iso(w.StartedAt), iso(w.UpdatedAt), iso(w.EndedAt), w.Token, w.Version, w.Waiting)
		got := fmt.Sprintln(r["ordinal"], r["tenant"], r["state"], r["attempt"], r["worker"], r["started"], r["updated"], r["ended"], r["token"], r["version"], r["waits_until"] != "")
		if got != want {
			t.Errorf("the view has\n%s, the API\n%s", got, want)
		}
	}
	p, err := o.Plan(o.Ctx, o.ID)
	o.OK(err)
	r := query(t, o.Store, "select * from plans")[0]
	got := fmt.Sprintln(r["state"], r["tasks"], r["pending"], r["completed"], r["cancelled"], r["held"], r["waiting"], r["version"])
	k := &p.Counters
	want := fmt.Sprintln(p.State, p.TaskCount, k.Of(task.Pending), k.Of(task.Completed), k.Of(task.Canceled), k.Held, k.Waiting, p.Version)
	if got != want {
		t.Errorf("the view has %s, the API %s", got, want)
	}
	events, err := o.Events(o.Ctx, o.ID, 0, 0)
	o.OK(err)
	for i, r := range query(t, o.Store, "select * from events order by seq") {
		e := &events[i]
		got := fmt.Sprintln(r["seq"], r["at"], r["tenant"], r["before"], r["after"], r["cause"], r["at_rest"] == "yes")
		if want := fmt.Sprintln(e.Seq, iso(e.At), e.Tenant, e.From, e.To, e.Cause, e.AtRest); got != want {
			t.Errorf("the view has %s, the API %s", got, want)
		}
	}
}

// iso returns a time as the views write it.
func iso(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format("2006-01-02T15:04:05.000000Z")
}

// TestShell: the sqlite3 of the system reads the views while the store writes.
func TestShell(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sqlite3")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("no sqlite3 on the path")
	}
	s := open(t, newFile(t), Config{})
	o := start(t, s, 3)
	o.End(o.Claim("worker", 1)[0], store.Fail, &task.FailureInfo{ErrorCode: "CODE", Reason: "a reason"})
	for _, view := range []string{"plans", "tasks", "events", "tenant_locks", "places"} {
		if out, err := exec.CommandContext(t.Context(), shell, "-json", "file:"+s.path+"?mode=ro", "select * from "+view).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", view, err, out)
		}
	}
	out, err := exec.CommandContext(t.Context(), shell, "-json", "file:"+s.path+"?mode=ro", "select tenant, state, failure from tasks where state='FAILED'").CombinedOutput()
	var rows []map[string]string
	if err != nil || json.Unmarshal(out, &rows) != nil || len(rows) != 1 || rows[0]["failure"] != "CODE: a reason" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), shell, "file:"+s.path+"?mode=ro", "delete from task").CombinedOutput(); err == nil {
		t.Errorf("it deleted: %s", out)
	}
	o.End(o.Claim("worker", 1)[0], store.Complete, nil)
}
