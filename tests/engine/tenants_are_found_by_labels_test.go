package engine

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// labeledSpec is a spec with n tenants, every third of which is in the region eu, and every second
// of which is large.
func labeledSpec(n int) plan.Spec {
	s := spec()
	for i := range n {
		t := task.Tenant{ID: fmt.Sprint("t", i), Labels: map[string]string{}}
		if i%3 == 0 {
			t.Labels["region"] = "eu"
		}
		if i%2 == 0 {
			t.Labels["size"] = "large"
		}
		s.Tenants = append(s.Tenants, t)
	}
	return s
}

// Tasks are found by all of their labels, in the plans that are not over, the newest first.
func TestTasksAreFoundByLabels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := commanding(t, memstore.New())
		create(t, e, labeledSpec(7))
		over := launch(t, e, labeledSpec(7))
		create(t, e, labeledSpec(4))
		mustPlan(t)(e.Cancel(t.Context(), over))
		for _, tt := range []struct {
			labels map[string]string
			want   string
		}{
			{map[string]string{"region": "eu"}, "[3000001 3000004 1000001 1000004 1000007]"},
			{map[string]string{"region": "eu", "size": "large"}, "[3000001 1000001 1000007]"},
			{map[string]string{"region": "us"}, "[]"},
			{map[string]string{"region": ""}, "[]"},
		} {
			r, err := e.Lookup().Labels(t.Context(), tt.labels, cutover.TenantPosition{})
			found := []task.ID{}
			for _, f := range r.Tasks {
				if found = append(found, f.Task.ID); f.Plan.ID != f.Task.ID.Plan() {
					t.Errorf("task %s in plan %s", f.Task.ID, f.Plan.ID)
				}
			}
			if got := fmt.Sprint(found); err != nil || got != tt.want || r.Next != nil || r.SearchedDownTo != 1 {
				t.Errorf("%v: %s down to %s, next %v, %v; want %s", tt.labels, got, r.SearchedDownTo, r.Next, err, tt.want)
			}
		}
		for _, labels := range []map[string]string{nil, {"a": string(make([]byte, task.MaxFilterSize+1))}} {
			if _, err := e.Lookup().Labels(t.Context(), labels, cutover.TenantPosition{}); !errors.Is(err, store.ErrInvalid) {
				t.Errorf("%d labels: %v", len(labels), err)
			}
		}
		if _, err := e.Lookup().Labels(t.Context(), map[string]string{"a": "b"}, cutover.TenantPosition{After: 1}); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("from nowhere: %v", err)
		}
	})
}

// A step of the search reads and finds a bounded number of tasks; together the steps find each task
// once. What is damaged is left out, with an error.
func TestTheSearchByLabelsIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := memstore.New()
		reads, damaged := 0, plan.ID(0)
		e := commanding(t, storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
			if c.Method == "Tasks" || c.Method == "TasksAt" {
				if reads++; c.Plan == damaged {
					return &store.CorruptError{Key: "k", Reason: "r"}
				}
			}
			return c.Do(ctx)
		}))
		for range 110 {
			create(t, e, labeledSpec(3))
		}
		create(t, e, labeledSpec(25_000))
		damaged = create(t, e, labeledSpec(9))
		reads = 0
		found, partly := make(map[task.ID]bool), 0
		for at, steps := (cutover.TenantPosition{}), 1; ; steps++ {
			before := reads
			r, err := e.Lookup().Labels(t.Context(), map[string]string{"size": "large", "region": "eu"}, at)
			if errors.Is(err, store.ErrCorrupt) {
				partly, err = partly+1, nil
			}
			if err != nil || len(r.Tasks) > 2*store.MaxPage || reads-before > 100+20 || steps > 12 {
				t.Fatalf("step %d from %v: %d tasks, %d reads, %v", steps, at, len(r.Tasks), reads-before, err)
			}
			for _, f := range r.Tasks {
				if found[f.Task.ID] {
					t.Fatalf("task %s is found twice", f.Task.ID)
				}
				found[f.Task.ID] = true
			}
			if r.Next == nil {
				break
			}
			at = *r.Next
		}
		if want := 110 + (25_000+5)/6; len(found) != want || partly != 1 {
			t.Errorf("found %d tasks, want %d; damaged %d times", len(found), want, partly)
		}
	})
}
