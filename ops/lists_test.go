package ops_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// walk reads all pages of a list, and returns the ids in it and the number of pages.
func (s *site) walk(path, list, id string) (ids []float64, pages int) {
	s.t.Helper()
	for cursor := ""; ; {
		target := path + "&cursor=" + cursor
		if cursor == "" {
			target = path
		}
		r := s.send("GET", target, "")
		if r.status != http.StatusOK {
			s.t.Fatalf("%s: %d %s", target, r.status, r.text)
		}
		pages++
		for _, one := range r.body[list].([]any) {
			ids = append(ids, one.(map[string]any)[id].(float64))
		}
		next, more := r.body["next"].(string)
		if !more {
			return ids, pages
		}
		cursor = next
	}
}

func TestPlansArePaged(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for i := range 7 {
		id := s.create(plan.Spec{}, fmt.Sprint("t", i))
		if i%3 == 0 {
			s.start(id)
		}
	}
	for path, want := range map[string]struct {
		ids   []float64
		pages int
	}{
		"plans?limit=3":                             {[]float64{7, 6, 5, 4, 3, 2, 1}, 3},
		"plans?limit=7":                             {[]float64{7, 6, 5, 4, 3, 2, 1}, 2},
		"plans?limit=100":                           {[]float64{7, 6, 5, 4, 3, 2, 1}, 1},
		"plans?state=RUNNING&limit=2":               {[]float64{7, 4, 1}, 2},
		"plans?limit=9&state=RUNNING&state=CREATED": {[]float64{7, 6, 5, 4, 3, 2, 1}, 1},
		"plans?state=FAILED":                        {nil, 1},
	} {
		if ids, pages := s.walk(path, "plans", "planId"); !slices.Equal(ids, want.ids) || pages != want.pages {
			t.Errorf("%s: %v in %d pages, want %v", path, ids, pages, want)
		}
	}
}

// A page of which the caller may view nothing is empty, and names the next one.
func TestHiddenPlansLeaveGaps(t *testing.T) {
	t.Parallel()
	odd := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p == nil || p.ID%4 == 1 }}
	s := newSite(t, nil, ops.Config{Authenticate: as(odd)})
	for i := range 6 {
		s.create(plan.Spec{}, fmt.Sprint("t", i))
	}
	if ids, pages := s.walk("plans?limit=1", "plans", "planId"); !slices.Equal(ids, []float64{5, 1}) || pages != 7 {
		t.Errorf("%v in %d pages", ids, pages)
	}
}

func TestTasksArePaged(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	id := s.create(plan.Spec{}, "a", "b", "c", "d", "e")
	s.start(id)
	if r := s.send("POST", "tasks/1000003/skip", `{"reason":"r"}`); r.status != http.StatusOK {
		t.Fatal(r.text)
	}
	for path, want := range map[string][]float64{
		"plans/1/tasks?limit=2":               {1000001, 1000002, 1000003, 1000004, 1000005},
		"plans/1/tasks?limit=1&state=PENDING": {1000001, 1000002, 1000004, 1000005},
		"plans/1/tasks?state=SKIPPED":         {1000003},
	} {
		if ids, _ := s.walk(path, "tasks", "taskId"); !slices.Equal(ids, want) {
			t.Errorf("%s: %v, want %v", path, ids, want)
		}
	}
}

// Events are read from position to position; commands are those about the plan itself.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.start(s.create(plan.Spec{}, "a", "b"))
	s.send("POST", "tasks/1000001/skip", `{"reason":"r"}`)
	s.send("POST", "plans/1/pause", "")
	for path, want := range map[string]string{
		"plans/1/events":                 "create start skip pause, 4",
		"plans/1/events?after=0&limit=2": "create start, 2",
		"plans/1/events?after=2&limit=1": "skip, 3",
		"plans/1/events?after=4":         ", 4",
		"plans/1/commands":               "create start pause, 4",
		"plans/1/commands?after=1":       "start pause, 4",
		"plans/1/commands?after=2":       "pause, 4",
	} {
		r := s.send("GET", path, "")
		var causes []string
		for _, e := range r.body["events"].([]any) {
			causes = append(causes, e.(map[string]any)["cause"].(string))
		}
		if got := fmt.Sprintf("%s, %v", strings.Join(causes, " "), r.body["last"]); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	r := s.send("GET", "plans/1/events?after=2&limit=1", "")
	e := r.body["events"].([]any)[0].(map[string]any)
	delete(e, "at")
	if got := fmt.Sprint(e); got != "map[actor:ada cause:skip from:PENDING planId:1 reason:r seq:3 taskId:1.000001e+06 tenantId:a to:SKIPPED]" {
		t.Error(got)
	}
}

// Plans that cannot be read are missing from a list, which says so.
func TestListsThatArePartlyRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, damaged{memstore.New()}, ops.Config{})
	s.create(plan.Spec{}, "a")
	r := s.send("GET", "plans", "")
	partly, _ := r.body["partly"].(map[string]any)
	if r.status != http.StatusOK || len(r.body["plans"].([]any)) != 1 || partly["code"] != "CORRUPT" || strings.Contains(r.text, "secret") {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// damaged is a store in which a plan cannot be read.
type damaged struct{ store.Store }

func (d damaged) Plans(ctx context.Context, q store.PlanQuery) ([]plan.Plan, error) {
	plans, err := d.Store.Plans(ctx, q)
	return plans, errors.Join(err, &store.CorruptError{Key: "secret", Reason: "secret"})
}
