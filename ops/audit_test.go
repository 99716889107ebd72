package ops_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// The audit hears of every command with its outcome, also of those that were refused, and of
// nothing else.
func TestAudit(t *testing.T) {
	t.Parallel()
	var heard []ops.Command
	authenticate := func(r *http.Request) (ops.Caller, error) {
		switch r.Header.Get("Authorization") {
		case "ada":
			return ops.AllowAll("ada")(r)
		case "eve":
			return only(ops.View), nil
		}
		return nil, errors.New("unknown")
	}
	s := newSite(t, nil, ops.Config{Authenticate: authenticate, Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }})
	ada, eve := []string{"Authorization", "ada"}, []string{"Authorization", "eve"}
	s.send("POST", "plans", small, ada...)
	s.send("POST", "plans", `{}`, ada...)
	s.send("POST", "plans/1/start", `{"reason":"now"}`, ada...)
	s.send("POST", "plans/1/start", "", append(ada, "Idempotency-Key", "k")...)
	s.send("POST", "tasks/1000002/skip", `{"reason":"gone"}`, append(ada, "Idempotency-Key", "k")...)
	s.send("POST", "tasks/1000002/skip", `{"reason":"gone"}`, append(ada, "Idempotency-Key", "k")...)
	s.send("POST", "plans/1/waves/3/reject", `{"reason":"no"}`, ada...)
	s.send("POST", "plans/1/cancel", "", ada...)
	s.send("POST", "plans/1/cancel", `{"reason":"mine"}`, eve...)
	s.send("POST", "plans/1/cancel", `{"reason":"mine"}`)
	s.send("POST", "plans/1/cancel", `{"reason":"mine"}`, append(ada, "Origin", "https://evil.example")...)
	s.send("POST", "plans/77/pause", "", ada...)
	for _, path := range []string{"plans", "plans/1", "tasks/1000001", "me", "health", "plans/1/start"} {
		s.send("GET", path, "", ada...)
	}
	s.send("POST", "preview", small, ada...)
	want := []ops.Command{
		{Actor: "ada", Action: ops.Create, Plan: 1, Status: 201},
		{Actor: "ada", Action: ops.Create, Status: 400, Code: "INVALID_REQUEST"},
		{Actor: "ada", Action: ops.Start, Plan: 1, Reason: "now", Status: 200},
		{Actor: "ada", Action: ops.Start, Plan: 1, Status: 200, Unchanged: true},
		{Actor: "ada", Action: ops.Skip, Plan: 1, Task: 1000002, Reason: "gone", Status: 200},
		{Actor: "ada", Action: ops.Skip, Plan: 1, Task: 1000002, Reason: "gone", Status: 200, Repeated: true},
		{Actor: "ada", Action: ops.Reject, Plan: 1, Wave: 3, Reason: "no", Status: 409, Code: "NOT_APPLICABLE"},
		{Actor: "ada", Action: ops.Cancel, Plan: 1, Status: 400, Code: "REASON_REQUIRED"},
		{Actor: "eve", Action: ops.Cancel, Plan: 1, Status: 403, Code: "FORBIDDEN"},
		{Action: ops.Cancel, Status: 401, Code: "UNAUTHENTICATED"},
		{Action: ops.Cancel, Status: 403, Code: "CROSS_ORIGIN"},
		{Actor: "ada", Action: ops.Pause, Plan: 77, Status: 404, Code: "NOT_FOUND"},
	}
	if !slices.Equal(heard, want) {
		t.Errorf("heard %+v\nwant  %+v", heard, want)
	}
}

// A panic of the audit costs nobody the answer.
func TestAuditThatPanics(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{Audit: func(context.Context, ops.Command) { panic("broken") }})
	s.create(plan.Spec{}, "a")
	if r := s.send("POST", "plans/1/start", ""); r.status != http.StatusOK || r.body["state"] != "RUNNING" {
		t.Errorf("%d %s", r.status, r.text)
	}
}
