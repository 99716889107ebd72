package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
)

// A plan says who created and who started it, and has the annotations that it was created with.
// Annotations are no content that a repeated creation is compared by.
func TestAuthorsAndAnnotations(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	body := `{"name":"n","executorType":"X","tenantIds":["a"],"annotations":{"owner":"team 7","trace":"%d"}}`
	for trace, status := range []int{http.StatusCreated, http.StatusOK} {
		r := s.send("POST", "plans", fmt.Sprintf(body, trace), "Idempotency-Key", "k")
		if r.status != status || r.body["createdBy"] != "ada" || r.body["startedBy"] != nil || fmt.Sprint(r.body["annotations"]) != "map[owner:team 7 trace:0]" {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	s.handler = mount(t, s.engine, ops.Config{Authenticate: ops.AllowAll("bob")})
	if r := s.send("POST", "plans/1/start", ""); r.body["createdBy"] != "ada" || r.body["startedBy"] != "bob" {
		t.Errorf("%d %s", r.status, r.text)
	}
	if row := s.send("GET", "plans", "").body["plans"].([]any)[0].(map[string]any); row["createdBy"] != "ada" || row["startedBy"] != "bob" {
		t.Errorf("in the list: %v", row)
	}
}

// countingEvents is an engine that counts the reads of events.
type countingEvents struct {
	ops.Engine
	reads *int
}

func (c countingEvents) PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	*c.reads++
	return c.Engine.PlanEvents(ctx, id, after, limit)
}

// Whether a caller may approve of a wave costs no read, however many streams and rows show it.
func TestApprovalsCostNoReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		reads := 0
		s.handler = mount(t, countingEvents{s.engine, &reads}, ops.Config{})
		s.start(s.create(plan.Spec{Strategy: strategy.Strategy{Waves: []strategy.Wave{{Approval: true}}}}, "a"))
		c := watch(t, s.handler, "?plan=1&list=1")
		time.Sleep(time.Minute)
		if r := s.send("GET", "plans", ""); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.text)
		}
		if c.leave(); reads > 0 {
			t.Errorf("%d reads of events", reads)
		}
	})
}
