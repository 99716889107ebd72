package bluegreen_test

import (
	"net/http"
	"testing"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/executor/executortest"
	"github.com/cutover-go/cutover/task"
)

func TestATenantThatMovedOnIsLeftAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fails bluegreentest.Op // the request at which the first attempt fails; "" for success
		moved bluegreentest.Tenant
		redo  func(*executortest.Run, *lab) error
	}{
		"retry of the switch": {
			bluegreentest.Switch,
			bluegreentest.Tenant{Colour: "red", Status: "RED"},
			func(r *executortest.Run, l *lab) error { return r.Again().Execute(l) },
		},
		"retry from scratch": {
			bluegreentest.Switch,
			bluegreentest.Tenant{Colour: "red", Status: "RED"},
			func(r *executortest.Run, l *lab) error { return r.FromScratch().Execute(l) },
		},
		"retry of the status": {
			bluegreentest.Status,
			bluegreentest.Tenant{Colour: "green", Status: "GREEN"},
			func(r *executortest.Run, l *lab) error { return r.Again().Execute(l) },
		},
		"rollback, colour": {
			"",
			bluegreentest.Tenant{Colour: "red", Status: "BLUE"},
			func(r *executortest.Run, l *lab) error { return r.FromScratch().Rollback(l) },
		},
		"rollback, status": {
			"",
			bluegreentest.Tenant{Colour: "blue", Status: "FROZEN"},
			func(r *executortest.Run, l *lab) error { return r.FromScratch().Rollback(l) },
		},
		"rollback of the switch": {
			bluegreentest.Switch,
			bluegreentest.Tenant{Colour: "red", Status: "GREEN"},
			func(r *executortest.Run, l *lab) error { return r.Again().Rollback(l) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			if c.fails != "" {
				l.Inject(tenantID, c.fails, bluegreentest.Refuse, 1)
			}
			run := executortest.NewRun(t)
			if err := run.Execute(l); (err != nil) != (c.fails != "") {
				t.Fatalf("the first attempt: %v", err)
			}
			c.moved.ID = tenantID
			l.Put(c.moved)
			before := len(l.Calls(tenantID, bluegreentest.Switch, bluegreentest.Status))
			wantFailure(t, c.redo(run, l), task.CodeTenantMovedOn, false)
			if l.Tenant(tenantID) != c.moved || len(l.Calls(tenantID, bluegreentest.Switch, bluegreentest.Status)) != before {
				t.Errorf("it was touched: %+v", l.Tenant(tenantID))
			}
		})
	}
}

// TestAChangeThatArrivesLateIsRefused makes the service answer 504 and receive the change later:
// after the task was rolled back, or after another task wrote under its newer token, even though
// there was nothing to change. The service refuses the late change.
func TestAChangeThatArrivesLateIsRefused(t *testing.T) {
	t.Parallel()
	for _, op := range []bluegreentest.Op{bluegreentest.Switch, bluegreentest.Status} {
		t.Run(string(op), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, bluegreen.Config{})
			code := map[bluegreentest.Op]string{bluegreentest.Switch: "GATEWAY_TIMEOUT", bluegreentest.Status: "TENANT_SERVICE_TIMEOUT"}[op]

			l.Inject(tenantID, op, bluegreentest.Late, 1)
			run := executortest.NewRun(t)
			wantFailure(t, run.Execute(l), code, true)
			run = run.Again()
			if err := run.Rollback(l); err != nil {
				t.Fatal(err)
			}
			l.wantLate(t, http.StatusConflict)
			l.wantTenant(t, "green", "GREEN")

			// The undo is late, and the task of the next plan finds that the tenant is already at
			// its target.
			l.Put(bluegreentest.Tenant{ID: tenantID, Colour: "blue", Status: "BLUE"})
			done := run.FromScratch()
			if err := done.Execute(l); err != nil {
				t.Fatal(err)
			}
			l.Inject(tenantID, op, bluegreentest.Late, 1)
			back := done.FromScratch()
			wantFailure(t, back.Rollback(l), code, true)
			l.Put(bluegreentest.Tenant{ID: tenantID, Colour: "blue", Status: "BLUE"})
			next := executortest.NewRun(t, executortest.Token(back.Token()+10))
			if err := next.Execute(l); err != nil {
				t.Fatal(err)
			}
			l.wantLate(t, http.StatusConflict)
			l.wantTenant(t, "blue", "BLUE")
		})
	}
}

// TestALateChangeOfAnEarlierTryIsTheSame checks that a retry within the attempt sends the same
// change, so that a late delivery of the earlier request does no harm.
func TestALateChangeOfAnEarlierTryIsTheSame(t *testing.T) {
	t.Parallel()
	l := newLab(t, bluegreen.Config{Retry: executor.Retry{Attempts: 2, First: 1}})
	l.Inject(tenantID, bluegreentest.Switch, bluegreentest.Late, 1)
	if err := executortest.NewRun(t).Execute(l); err != nil {
		t.Fatal(err)
	}
	l.wantLate(t, http.StatusOK)
	l.wantTenant(t, "blue", "BLUE")
}
