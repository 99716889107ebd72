package ops_test

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/memstore"
)

// rowsOf returns what the lists of a stream have said: "3" is a row of plan 3, "-3" its removal.
func rowsOf(t *testing.T, messages []message) (said []string) {
	t.Helper()
	for _, m := range kind("list", messages) {
		for _, row := range m.data["plans"].([]any) {
			said = append(said, fmt.Sprint(row.(map[string]any)["planId"]))
		}
		removed, _ := m.data["removed"].([]any)
		for _, id := range removed {
			said = append(said, fmt.Sprintf("-%v", id))
		}
	}
	return said
}

// A plan that a caller may not view any more is removed from his list, although the plan itself has
// not changed, and is there again when he may. A stream that has sent no row of it does so, too:
// its client has got the row elsewhere.
func TestStreamOfTheListWhileRightsChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		var hidden atomic.Int64
		caller := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p == nil || int64(p.ID) != hidden.Load() }}
		h := streaming(t, s, ops.Config{Authenticate: as(caller)})
		for range 3 {
			s.create(plan.Spec{}, "a")
		}
		first := watch(t, s.handler, "?list=1")
		time.Sleep(3 * time.Second)
		second := watch(t, s.handler, "?list=1")
		time.Sleep(3 * time.Second)
		// The first stream has the list read, and is told of it or finds it there.
		if got := rowsOf(t, first.news()); len(got) > 0 && !slices.Equal(got, []string{"3", "2", "1"}) {
			t.Fatalf("the list begins with %q", got)
		}
		second.news()
		for _, step := range []struct {
			hidden int64
			said   []string
		}{{2, []string{"-2"}}, {3, []string{"2", "-3"}}, {0, []string{"3"}}, {0, nil}} {
			hidden.Store(step.hidden)
			time.Sleep(11 * time.Second)
			for name, c := range map[string]*screen{"first": first, "second": second} {
				if got := rowsOf(t, c.news()); !slices.Equal(got, step.said) {
					t.Errorf("%d is hidden: the %s client hears %q, want %q", step.hidden, name, got, step.said)
				}
			}
		}
		first.leave()
		second.leave()
		nothingLeft(t, h)
	})
}

// A plan that is too old for the list is not told as removed; a plan that was removed is, once, and
// to nobody who could not view it.
func TestStreamOfALongList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		eve := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p == nil || p.ID != 50 }}
		h := streaming(t, s, ops.Config{})
		for range 100 {
			s.create(plan.Spec{}, "a")
		}
		all := watch(t, s.handler, "?list=1")
		time.Sleep(3 * time.Second)
		some := watch(t, mount(t, s.engine, ops.Config{Authenticate: as(eve)}), "?list=1")
		time.Sleep(3 * time.Second)
		all.news()
		some.news()
		s.create(plan.Spec{}, "a") // the first one is too old from now on
		if _, err := s.engine.Cancel(t.Context(), 50, cutover.Because("r")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		for more := true; more; {
			var err error
			if more, err = m.Remove(t.Context(), 50); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(30 * time.Second)
		if got := rowsOf(t, all.news()); !slices.Equal(got, []string{"101", "50", "1", "-50"}) {
			t.Errorf("who may view all hears %q", got)
		}
		if got := rowsOf(t, some.news()); !slices.Equal(got, []string{"101", "1"}) {
			t.Errorf("who may not view plan 50 hears %q", got)
		}
		all.leave()
		some.leave()
		nothingLeft(t, h)
	})
}
