package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// A note is shown wherever events are, once for one key, and needs its text whatever the host says.
func TestNotes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var heard []ops.Command
		c := ops.Config{
			Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }, ReasonFor: func(ops.Action) bool { return false },
		}
		s := newSite(t, nil, c)
		s.create(plan.Spec{}, "a")
		h := streaming(t, s, c)
		stream := watch(t, s.handler, "?plan=1")
		time.Sleep(time.Second)
		for i := range 2 {
			r := s.send("POST", "plans/1/note", `{"reason":"ask Bob"}`, "Idempotency-Key", "k", "If-Match", `"1"`)
			if r.status != http.StatusOK || r.body["state"] != "CREATED" || r.body["version"] != 2.0 || (r.body["repeated"] == true) != (i > 0) {
				t.Errorf("%d %s", r.status, r.text)
			}
		}
		if c := heard[0]; c.Action != ops.Note || c.Plan != 1 || c.Actor != "ada" || c.Reason != "ask Bob" || c.Status != http.StatusOK {
			t.Errorf("heard %+v", c)
		}
		for _, path := range []string{"plans/1/events", "plans/1/commands"} {
			events := s.send("GET", path, "").body["events"].([]any)
			if n := events[len(events)-1].(map[string]any); len(events) != 2 || n["cause"] != "note" || n["reason"] != "ask Bob" || n["actor"] != "ada" {
				t.Errorf("%s: %v", path, events)
			}
		}
		time.Sleep(3 * time.Second)
		if got := numbers(stream.messages(), 1); !slices.Equal(got, []int64{2}) {
			t.Errorf("the stream has the events %v", got)
		}
		stream.leave()
		h.Close()
		for body, want := range map[string]string{``: "reason is empty", `{"reason":""}`: "reason is empty", `{"reason":" "}`: "reason is empty", `{"note":"x"}`: "note is unknown"} {
			if r := s.send("POST", "plans/1/note", body); r.status != http.StatusBadRequest || !slices.Equal(r.faults(), []string{want}) {
				t.Errorf("%s: %d %s", body, r.status, r.text)
			}
		}
	})
}

// By default the missing text is told as that of every other command. Who may not note is not
// offered it.
func TestNotesNeedAReasonAndTheRight(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	if r := s.send("POST", "plans/1/note", ""); r.code() != "REASON_REQUIRED" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if p := s.send("GET", "plans/1", ""); !slices.Contains(p.body["actions"].([]any), any("note")) {
		t.Errorf("actions %v", p.body["actions"])
	}
	s.send("POST", "plans/1/note", `{"reason":"ask Bob"}`)
	if lines := fmt.Sprint(linesOf(t, s.handler)); strings.Count(lines, "ask Bob") != 1 {
		t.Errorf("exported %s", lines)
	}
	h := mount(t, s.engine, ops.Config{Authenticate: ops.ReadOnly(ops.AllowAll("eve"))})
	if p := send(t, h, "GET", "plans/1", ""); slices.Contains(p.body["actions"].([]any), any("note")) {
		t.Errorf("actions %v", p.body["actions"])
	}
	if r := send(t, h, "POST", "plans/1/note", `{"reason":"r"}`); r.code() != "FORBIDDEN" {
		t.Errorf("%d %s", r.status, r.text)
	}
}
