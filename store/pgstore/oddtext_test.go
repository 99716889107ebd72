package pgstore

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// TestViewsOddTexts: zero bytes and what is no UTF-8, in the texts of one plan and one task, keep
// nobody from reading the views. What only looks like a zero byte stays.
func TestViewsOddTexts(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 8)
	held := o.Claim("work\x00er", 3)
	const odd = "\x00\x00a\x00 \\u0000 \\\x00 \xff"
	o.End(held[0], store.Fail, &task.FailureInfo{ErrorCode: "A\x00B", Reason: odd})
	o.Work(sqltest.Saves(o.ID, held[1:2], 1, odd, []byte(odd)))
	e, err := cutover.New(o.Store, cutover.Config{Executors: executor.Registry{"X": executor.Func(
		func(context.Context, *executor.Run) error { return nil })}})
	o.OK(err)
	named := spec("odd\x00key", 2)
	named.Name, named.Annotations = odd[:3]+"name", map[string]string{"\x00": "\x00"}
	made, err := e.Create(o.Ctx, named)
	o.OK(err)
	_, err = e.Cancel(o.Ctx, made.ID, cutover.Because("wh\x00y"), cutover.By("\x00"))
	o.OK(err)
	const failure = "A\ufffdB: \ufffd\ufffda\ufffd \\u0000 \\\ufffd \ufffd"
	for _, view := range []string{"tasks", "events"} {
		if got := o.query(server, "select failure from @."+view+" where failure is not null"); len(got) != 1 || got[0]["failure"] != failure {
			t.Errorf("%s: %q, want %q", view, got, failure)
		}
	}
	names := o.query(server, "select name from @.plans order by id")
	if len(names) != 2 || names[1]["name"] != "\ufffd\ufffdaname" {
		t.Errorf("plans: %q", names)
	}
	for _, all := range []string{"plans", "tasks", "events"} {
		if got := o.query(server, "select * from @."+all); len(got) == 0 {
			t.Errorf("%s is empty", all)
		}
	}
	if got := o.query(server, "select reason, actor from @.events where reason is not null"); len(got) != 1 || got[0]["reason"] != "wh\ufffdy" || got[0]["actor"] != "\ufffd" {
		t.Errorf("reason: %q", got)
	}
}

// TestCreateInUnusable: in a transaction that cannot go on, and with a context that has ended, a
// creation fails with the error that says so; the transaction stays the host's.
func TestCreateInUnusable(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	s := server.open(t, Config{})
	o := operate(t, s)
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": executor.Func(
		func(context.Context, *executor.Run) error { return nil })}})
	o.OK(err)
	c, err := pgx.Connect(t.Context(), server.url())
	o.OK(err)
	defer func() { _ = c.Close(context.WithoutCancel(o.Ctx)) }()
	tx, err := c.Begin(o.Ctx)
	o.OK(err)
	if _, err := tx.Exec(o.Ctx, "SELECT 1 / 0"); err == nil {
		t.Fatal("no error")
	}
	var refused *ServerError
	if _, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), spec("key", 3)); !errors.As(err, &refused) || refused.Code != "25P02" || store.Temporary(err) {
		t.Errorf("in an aborted transaction: %v", err)
	}
	o.OK(tx.Rollback(o.Ctx))
	tx, err = c.Begin(o.Ctx)
	o.OK(err)
	ended, cancel := context.WithCancel(o.Ctx)
	cancel()
	if _, err := cutover.CreateIn(ended, e, s.Tx(tx), spec("key", 3)); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	id, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), spec("key", 3))
	o.OK(err)
	o.OK(tx.Commit(o.Ctx))
	if p, err := s.Plan(o.Ctx, id); err != nil || p.State != plan.Created {
		t.Errorf("plan %+v, %v", p, err)
	}
	if _, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), spec("other", 3)); !errors.Is(err, pgx.ErrTxClosed) || store.Temporary(err) {
		t.Errorf("after the commit: %v", err)
	}
}
