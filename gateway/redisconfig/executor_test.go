package redisconfig_test

import (
	"context"
	"net/http/httptest"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/internal/guard"
	"github.com/cutover-go/cutover/redisack/agent"
	"github.com/cutover-go/cutover/task"
)

// town is a lab with a tenant service and the executor over both.
type town struct {
	*lab
	*bluegreentest.World
	*bluegreen.Executor
	tenants *bluegreen.HTTPTenants
}

func newTown(t *testing.T, rdb redis.UniversalClient) *town {
	t.Helper()
	w := &town{lab: newLab(t, rdb)}
	w.World = bluegreentest.NewWorld(bluegreentest.Tenant{ID: tenantID, Name: "One", Status: "GREEN"})
	server := httptest.NewServer(w.Tenants())
	t.Cleanup(server.Close)
	var err error
	if w.tenants, err = bluegreen.NewHTTPTenants(server.URL, bluegreen.HTTPConfig{}); err != nil {
		t.Fatal(err)
	}
	if w.Executor, err = bluegreen.New(w.tenants, w.lab, bluegreen.Config{}); err != nil {
		t.Fatal(err)
	}
	return w
}

// wantTenant checks the colour that the clients run, the colour that the gateway reports, and the
// status.
func (w *town) wantTenant(t *testing.T, colour, status string) {
	t.Helper()
	w.wantRuns(t, colour)
	w.wantCurrent(t, colour)
	if got := w.Tenant(tenantID).Status; got != status {
		t.Errorf("status %s, want %s", got, status)
	}
}

func TestWhereverItIsInterruptedItGetsThereAndBack(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, rdb redis.UniversalClient) {
		t.Helper()
		for name, interruption := range executortest.Interruptions() {
			t.Run(name, func(t *testing.T) {
				if err := rdb.FlushAll(t.Context()).Err(); err != nil {
					t.Fatal(err)
				}
				w := newTown(t, rdb)
				run, err := executortest.NewRun(t, interruption).Finish(w)
				if err != nil {
					t.Fatal(err)
				}
				w.wantTenant(t, "blue", "BLUE")
				if err := run.FromScratch().Rollback(w); err != nil {
					t.Fatal(err)
				}
				w.wantTenant(t, "green", "GREEN")
			})
		}
	})
}

func TestWhereverTheRollbackIsInterruptedItGetsBack(t *testing.T) {
	t.Parallel()
	rdb := onMini(t)
	for name, interruption := range executortest.Interruptions() {
		t.Run(name, func(t *testing.T) {
			if err := rdb.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			w := newTown(t, rdb)
			run := executortest.NewRun(t)
			if err := run.Execute(w); err != nil {
				t.Fatal(err)
			}
			if _, err := run.FromScratch(interruption).FinishRollback(w); err != nil {
				t.Fatal(err)
			}
			w.wantTenant(t, "green", "GREEN")
		})
	}
}

// TestASwitchThatFailed makes a client reject blue, or fall behind, and then retries the task or
// rolls it back, with the client healed or not.
func TestASwitchThatFailed(t *testing.T) {
	t.Parallel()
	execute := func(r *executortest.Run, w *town) error { return r.Execute(w) }
	rollback := func(r *executortest.Run, w *town) error { return r.Rollback(w) }
	for name, c := range map[string]struct {
		blue    agent.ApplyFunc
		code    string
		retry   bool
		healed  bool
		scratch bool
		next    func(*executortest.Run, *town) error
		colour  string
		status  string
	}{
		"rejected, retried":             {rejects, "GATEWAY_REFUSED", false, true, false, execute, "blue", "BLUE"},
		"rejected, retried afresh":      {rejects, "GATEWAY_REFUSED", false, true, true, execute, "blue", "BLUE"},
		"rejected, rolled back":         {rejects, "GATEWAY_REFUSED", false, false, false, rollback, "green", "GREEN"},
		"behind, retried":               {notYet, bluegreen.CodeSwitchNotConfirmed, true, true, false, execute, "blue", "BLUE"},
		"behind, rolled back":           {notYet, bluegreen.CodeSwitchNotConfirmed, true, false, false, rollback, "green", "GREEN"},
		"behind, healed, rolled back":   {notYet, bluegreen.CodeSwitchNotConfirmed, true, true, false, rollback, "green", "GREEN"},
		"rejected, healed, rolled back": {rejects, "GATEWAY_REFUSED", false, true, true, rollback, "green", "GREEN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, onMini(t))
			w.clients[1].onBlue(c.blue)
			if c.retry {
				w.restart(t, w.rdb, short)
			}
			run := executortest.NewRun(t)
			wantFailure(t, run.Execute(w), c.code, c.retry)
			w.restart(t, w.rdb, patient)
			if c.healed {
				w.clients[1].onBlue(nil)
			}
			again := run.Again
			if c.scratch {
				again = run.FromScratch
			}
			if err := c.next(again(executortest.Attempt(2)), w); err != nil {
				t.Fatal(err)
			}
			w.wantTenant(t, c.colour, c.status)
		})
	}
}

// TestAShutdownWhileTheClientsSwitch ends the process between the write and the answer of the
// clients. The next run must not treat the write as a completed switch.
func TestAShutdownWhileTheClientsSwitch(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		blue   agent.ApplyFunc // how the client handles blue afterwards
		next   func(*executortest.Run, *town) error
		code   string
		colour string
	}{
		"goes on":                     {nil, func(r *executortest.Run, w *town) error { return r.Execute(w) }, "", "blue"},
		"goes on, and is rejected":    {rejects, func(r *executortest.Run, w *town) error { return r.Execute(w) }, "GATEWAY_REFUSED", "green"},
		"rolled back":                 {nil, func(r *executortest.Run, w *town) error { return r.Rollback(w) }, "", "green"},
		"rolled back, with a refusal": {rejects, func(r *executortest.Run, w *town) error { return r.Rollback(w) }, "", "green"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, onMini(t))
			ctx, cancel := context.WithCancelCause(t.Context())
			w.clients[1].onBlue(func(ctx context.Context, u agent.Update) error {
				cancel(executor.ErrShutdown)
				return notYet(ctx, u)
			})
			run := executortest.NewRun(t)
			if err := guard.Run(ctx, run.Run, w.Execute); err == nil {
				t.Fatal("no failure")
			}
			w.clients[1].onBlue(c.blue)
			wantFailure(t, c.next(run.Again(), w), c.code, false)
			w.wantRuns(t, c.colour)
			w.wantCurrent(t, c.colour)
		})
	}
}

func TestATenantThatMovedOnIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newTown(t, onMini(t))
	run := executortest.NewRun(t)
	if err := run.Execute(w); err != nil {
		t.Fatal(err)
	}
	w.write(t, "red", "9")
	wantFailure(t, run.FromScratch().Rollback(w), task.CodeTenantMovedOn, false)
	w.wantCurrent(t, "red")
	if n := w.rev(t); n != 3 {
		t.Errorf("%d writes", n)
	}
}
