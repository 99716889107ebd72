package ops_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// A plan that is over is removed with a reason, which the audit hears; one that is not, or that was
// over a moment ago, stays.
func TestDelete(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var heard []ops.Command
		s := newSite(t, nil, ops.Config{Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }})
		s.create(plan.Spec{}, "a")
		remove := func(headers ...string) reply {
			return s.send("POST", "plans/1/delete", `{"reason":"a trial"}`, headers...)
		}
		if r := remove(); r.code() != "NOT_APPLICABLE" || !strings.Contains(r.text, "it is not over") {
			t.Errorf("%d %s", r.status, r.text)
		}
		s.send("POST", "plans/1/cancel", `{"reason":"r"}`)
		if r := remove(); r.code() != "NOT_APPLICABLE" || !strings.Contains(r.text, "try again") {
			t.Errorf("%d %s", r.status, r.text)
		}
		if p := s.send("GET", "plans/1", ""); slices.Contains(p.body["actions"].([]any), any("delete")) {
			t.Errorf("actions %v", p.body["actions"])
		}
		time.Sleep(plan.KeptAtLeast)
		if p := s.send("GET", "plans/1", ""); !slices.Contains(p.body["actions"].([]any), any("delete")) {
			t.Errorf("actions %v", p.body["actions"])
		}
		if r := s.send("POST", "plans/1/delete", ""); r.code() != "REASON_REQUIRED" {
			t.Errorf("%d %s", r.status, r.text)
		}
		if r := remove("If-Match", `"77"`); r.code() != "VERSION_MISMATCH" {
			t.Errorf("%d %s", r.status, r.text)
		}
		if r := remove(); r.status != http.StatusOK || r.text != `{"planId":1}` {
			t.Errorf("%d %s", r.status, r.text)
		}
		if c := heard[len(heard)-1]; c.Action != ops.Delete || c.Plan != 1 || c.Reason != "a trial" || c.Status != http.StatusOK {
			t.Errorf("heard %+v", c)
		}
		if r := remove(); r.code() != "NOT_FOUND" {
			t.Errorf("%d %s", r.status, r.text)
		}
	})
}
