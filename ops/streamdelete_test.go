package ops_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// A stream says that a plan can be removed when that is so, although nothing happens to the plan,
// and says it once: of the plan and in the list.
func TestStreamSaysThatAPlanCanBeRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, "a")
		s.create(plan.Spec{}, "b")
		c := watch(t, s.handler, "?plan=1&list=1")
		time.Sleep(10 * time.Second)
		s.send("POST", "plans/1/cancel", `{"reason":"r"}`)
		time.Sleep(plan.KeptAtLeast - time.Second)
		deletes := func(actions any) bool { return slices.Contains(actions.([]any), any("delete")) }
		for _, m := range kind("plan", c.news()) {
			if deletes(m.data["actions"]) {
				t.Errorf("after less than a minute: %v", m.data)
			}
		}
		time.Sleep(5 * time.Second)
		news := c.news()
		plans, lists := kind("plan", news), kind("list", news)
		if len(plans) != 1 || !deletes(plans[0].data["actions"]) || time.Until(plans[0].at) > -3*time.Second {
			t.Errorf("of the plan: %v", plans)
		}
		if len(lists) != 1 {
			t.Fatalf("of the list: %v", lists)
		}
		if rows := lists[0].data["plans"].([]any); len(rows) != 1 || !deletes(rows[0].(map[string]any)["actions"]) {
			t.Errorf("rows %v", rows)
		}
		time.Sleep(time.Hour)
		if again := c.news(); len(kind("plan", again))+len(kind("list", again)) > 0 {
			t.Errorf("again: %v", kind("plan", again))
		}
		c.leave()
		nothingLeft(t, h)
	})
}
