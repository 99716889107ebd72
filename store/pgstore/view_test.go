package pgstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// query runs SQL as a person does, beside the store.
func (o *operator) query(server *schemas, sql string) (found []map[string]any) {
	o.Helper()
	c, err := pgx.Connect(o.Ctx, server.url())
	o.OK(err)
	defer func() { _ = c.Close(context.WithoutCancel(o.Ctx)) }()
	rows, err := c.Query(o.Ctx, qualified(sql, o.cfg.Schema))
	o.OK(err)
	found, err = pgx.CollectRows(rows, pgx.RowToMap)
	o.OK(err)
	return found
}

// TestViews: the views say what the API says, of tasks in every state, and of pending tasks in a
// plan that cancels them as well.
func TestViews(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 8)
	held := o.Claim("worker", 5)
	o.End(held[0], store.Complete, nil)
	o.End(held[1], store.Fail, &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Reason: "the gateway did not answer"})
	o.Work(sqltest.Saves(o.ID, held[2:3], 1, "SWITCHED", []byte(`{"to":"blue"}`)))
	o.Work(&store.Batch{Plan: o.ID, Changes: []store.Change{{
		Task: held[3].ID, Token: held[3].Token, Seq: 1, Kind: store.Defer, Wait: task.WaitHold, After: time.Hour,
	}}})
	o.compareViews(server)
	failed := o.query(server, "select tenant, state, failure from @.tasks where state='FAILED'")
	if len(failed) != 1 || failed[0]["tenant"] != "tenant-2" || failed[0]["failure"] != "GATEWAY_TIMEOUT: the gateway did not answer" {
		t.Errorf("failed: %v", failed)
	}
	if got := o.query(server, "select step, checkpoint from @.tasks where ordinal = 3"); got[0]["step"] != "SWITCHED" || got[0]["checkpoint"] != `{"to":"blue"}` {
		t.Errorf("checkpoint: %v", got)
	}
	o.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{Now: time.Now()}) })
	o.compareViews(server)
	if got := o.query(server, "select * from @.tasks where state='CANCELLED'"); len(got) != 3 {
		t.Errorf("%d tasks are CANCELLED, want the 3 that were pending", len(got))
	}
}

// compareViews compares the views with the API.
func (o *operator) compareViews(server *schemas) {
	o.Helper()
	tasks, _, err := o.Tasks(o.Ctx, o.ID, store.TaskQuery{})
	o.OK(err)
	rows := o.query(server, "select * from @.tasks order by ordinal")
	if len(rows) != len(tasks) {
		o.Fatalf("%d rows for %d tasks", len(rows), len(tasks))
	}
	for i := range tasks {
		w, r := &tasks[i], rows[i]
		o.same(fmt.Sprintln(r["ordinal"], r["tenant"], r["state"], r["attempt"], text(r["worker"]), text(r["started"]), text(r["updated"]), text(r["ended"]), r["token"], r["version"], r["waits_until"] != nil),
			fmt.Sprintln(w.ID.Ordinal(), w.Tenant.ID, w.State, w.Attempt, w.Worker, text(w.StartedAt), text(w.UpdatedAt), text(w.EndedAt), w.Token, w.Version, w.Waiting))
	}
	p, err := o.Plan(o.Ctx, o.ID)
	o.OK(err)
	r, k := o.query(server, "select * from @.plans")[0], &p.Counters
	o.same(fmt.Sprintln(r["state"], r["tasks"], r["pending"], r["completed"], r["cancelled"], r["held"], r["waiting"], r["version"]),
		fmt.Sprintln(p.State, p.TaskCount, k.Of(task.Pending), k.Of(task.Completed), k.Of(task.Canceled), k.Held, k.Waiting, p.Version))
	events, err := o.Events(o.Ctx, o.ID, 0, 0)
	o.OK(err)
	for i, r := range o.query(server, "select * from @.events order by seq") {
		e := &events[i]
		o.same(fmt.Sprintln(r["seq"], text(r["at"]), text(r["tenant"]), r["before"], r["after"], r["cause"], r["at_rest"]),
			fmt.Sprintln(e.Seq, text(e.At), e.Tenant, e.From, e.To, e.Cause, e.AtRest))
	}
}

func (o *operator) same(view, api string) {
	o.Helper()
	if view != api {
		o.Errorf("the view has\n%s, the API\n%s", view, api)
	}
}

// text returns a value as both sides are compared.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339Nano)
	}
	return fmt.Sprint(v)
}
