package ops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// failing fails for tenants whose names begin with a code, such as "GATEWAY-7", one a second.
func failing(_ context.Context, run *executor.Run) error {
	time.Sleep(time.Second)
	if code, number, fails := strings.Cut(run.Tenant().ID, "-"); fails {
		return executor.Fail(code, errors.New("the reason of "+number))
	}
	return nil
}

// Failures are grouped by their causes, the most frequent first.
func TestFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		e, _ := runAlso(t, m, failing)
		tenants := []string{"DNS-1", "GATEWAY-1", "fine", "GATEWAY-2"}
		for i := range 12 {
			tenants = append(tenants, fmt.Sprint("BUSY-", i))
		}
		s.start(s.create(plan.Spec{Strategy: strategy.Strategy{MaxFailures: strategy.Count(100)}}, tenants...))
		if _, err := e.Wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		r := s.send("GET", "plans/1/failures", "")
		var got []string
		for _, group := range r.body["failures"].([]any) {
			g := group.(map[string]any)
			first, err1 := time.Parse(time.RFC3339, g["first"].(string))
			last, err2 := time.Parse(time.RFC3339, g["last"].(string))
			tasks := g["tasks"].([]any)
			names := g["tenants"].([]any)
			got = append(got, fmt.Sprint(g["errorCode"], g["count"], " of ", g["total"], " ", g["reason"], " ", last.Sub(first), " ", len(tasks), " ", int(tasks[0].(float64)),
				" ", names[0], names[len(tasks)-1], errors.Join(err1, err2)))
		}
		want := "[BUSY12 of 12 the reason of 11 11s 10 1000005 BUSY-0BUSY-9<nil> GATEWAY2 of 2 the reason of 2 2s 2 1000002 GATEWAY-1GATEWAY-2<nil> " +
			"DNS1 of 1 the reason of 1 0s 1 1000001 DNS-1DNS-1<nil>]"
		if r.status != http.StatusOK || fmt.Sprint(got) != want || r.body["next"] != nil {
			t.Errorf("%d %v\nwant %s", r.status, got, want)
		}
		groups := fmt.Sprint(s.send("GET", "plans/1", "").body["failureGroups"])
		if groups != "[map[count:12 errorCode:BUSY] map[count:2 errorCode:GATEWAY] map[count:1 errorCode:DNS]]" {
			t.Errorf("the plan has the groups %s", groups)
		}
	})
}

// A plan without failures has an empty list; parameters and cursors of others are refused.
func TestNoFailures(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.create(plan.Spec{}, "a")
	for path, want := range map[string]string{
		"plans/1/failures":             `200 {"failures":[]}`,
		"plans/9/failures":             "404 ",
		"plans/1/failures?state=x":     "400 ",
		"plans/1/failures?cursor=dDE0": "400 ", // of tasks
	} {
		if r := s.send("GET", path, ""); !strings.HasPrefix(fmt.Sprint(r.status, " ", r.text), want) {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
}
