package ops_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// A task tells its attempts that failed, also after it has succeeded; a task that never failed has
// none.
func TestAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		e, _ := runAlso(t, m, func(_ context.Context, run *executor.Run) error {
			time.Sleep(time.Second)
			if run.Attempt() < 3 && run.Tenant().ID == "a" {
				return executor.Fail(fmt.Sprint("CODE_", run.Attempt()), errors.New("it broke"))
			}
			return nil
		})
		s.start(s.create(plan.Spec{Strategy: strategy.Strategy{
			MaxFailures: strategy.Count(1), Retry: strategy.Retry{Attempts: 2, First: time.Minute, Max: time.Minute},
		}}, "a", "b"))
		if _, err := e.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		s.send("POST", "tasks/1000001/retry", "")
		if _, err := e.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		var got []string
		var before time.Time
		attempts, _ := s.send("GET", "tasks/1000001", "").body["attempts"].([]any)
		for _, one := range attempts {
			a := one.(map[string]any)
			from, err1 := time.Parse(time.RFC3339, a["startedAt"].(string))
			to, err2 := time.Parse(time.RFC3339, a["endedAt"].(string))
			got = append(got, fmt.Sprintf("%v %v %s %t %t %v",
				a["attempt"], a["errorCode"], to.Sub(from), from.After(before), a["worker"].(string) != "", errors.Join(err1, err2)))
			before = to
		}
		if want := "1 CODE_1 1s true true <nil>, 2 CODE_2 1s true true <nil>"; strings.Join(got, ", ") != want {
			t.Errorf("%v\nwant %s", got, want)
		}
		if r := s.send("GET", "tasks/1000002", ""); r.body["attempts"] != nil {
			t.Errorf("of a task that did not fail: %s", r.text)
		}
	})
}
