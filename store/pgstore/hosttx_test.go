package pgstore

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func spec(key string, tenants int) plan.Spec {
	s := plan.Spec{Name: "plan", ExecutorType: "X", IdempotencyKey: key}
	for i := range tenants {
		s.Tenants = append(s.Tenants, task.Tenant{ID: fmt.Sprint(key, "-", i)})
	}
	return s
}

// TestCreateIn: a plan exists if and only if the host's transaction commits. Before that nobody
// sees it, and nobody is kept from creating others; then an engine works on it.
func TestCreateIn(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	s := server.open(t, Config{})
	o := operate(t, s)
	run(t, server.url(), qualified("CREATE TABLE @.orders (id int); ", s.cfg.Schema))
	t.Cleanup(func() { run(t, server.url(), qualified("DROP TABLE @.orders", s.cfg.Schema)) })
	done := make(chan struct{}, 10)
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": executor.Func(
		func(context.Context, *executor.Run) error { done <- struct{}{}; return nil })}})
	o.OK(err)
	c, err := pgx.Connect(t.Context(), server.url())
	o.OK(err)
	defer func() { _ = c.Close(context.WithoutCancel(o.Ctx)) }()
	in := func(isolation pgx.TxIsoLevel, s2 plan.Spec, commit bool) plan.ID {
		t.Helper()
		tx, err := c.BeginTx(o.Ctx, pgx.TxOptions{IsoLevel: isolation})
		o.OK(err)
		_, err = tx.Exec(o.Ctx, qualified("INSERT INTO @.orders VALUES (1)", s.cfg.Schema))
		o.OK(err)
		id, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), s2)
		o.OK(err)
		if _, err := s.Plan(o.Ctx, id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("before the commit: %v", err)
		}
		if _, err := e.Create(o.Ctx, spec(fmt.Sprint("beside ", id), 1)); err != nil {
			t.Errorf("beside the transaction: %v", err)
		}
		if commit {
			o.OK(tx.Commit(o.Ctx))
		} else {
			o.OK(tx.Rollback(o.Ctx))
		}
		return id
	}
	undone := in(pgx.ReadCommitted, spec("key", 250), false)
	for _, table := range []string{"control", "facts", "task", "event", "agenda"} {
		if rows := o.query(server, fmt.Sprintf("SELECT * FROM @.%s WHERE plan = %d", table, undone)); len(rows) > 0 {
			t.Errorf("%s has %d rows of a plan that was rolled back", table, len(rows))
		}
	}
	for i, isolation := range []pgx.TxIsoLevel{pgx.ReadCommitted, pgx.RepeatableRead, pgx.Serializable} {
		id := in(isolation, spec(fmt.Sprint("key", i), 250), true)
		if p, err := s.Plan(o.Ctx, id); err != nil || p.State != plan.Created || p.TaskCount != 250 {
			t.Errorf("%s: %+v, %v", isolation, p, err)
		}
	}
	var existed bool
	tx, err := c.Begin(o.Ctx)
	o.OK(err)
	again, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), spec("key0", 250), cutover.Existed(&existed))
	if err != nil || !existed {
		t.Errorf("again: plan %s, existed %v, %v", again, existed, err)
	}
	if _, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), spec("key1", 1)); !errors.Is(err, store.ErrKeyReused) {
		t.Errorf("other content: %v", err)
	}
	id, err := cutover.CreateIn(o.Ctx, e, s.Tx(tx), spec("", 3))
	o.OK(err)
	o.OK(tx.Commit(o.Ctx))
	_, err = e.Start(o.Ctx, id)
	o.OK(err)
	ctx, cancel := context.WithCancel(o.Ctx)
	ended := make(chan error, 1)
	go func() { ended <- e.Run(ctx) }()
	for range 3 {
		select {
		case <-done:
		case <-time.After(time.Minute):
			t.Fatal("no engine works on the plan")
		}
	}
	cancel()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
}
