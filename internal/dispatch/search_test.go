package dispatch

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/plan"
)

// Searches of plans whose end this process does not see are forgotten when there are too many.
func TestSearchesAreBounded(t *testing.T) {
	t.Parallel()
	ss := searches{byPlan: make(map[plan.ID]*search)}
	for id := range plan.ID(maxSearches + 100) {
		if s := ss.of(id); s != ss.of(id) {
			t.Fatalf("the search of plan %s is not remembered", id)
		}
	}
	if len(ss.byPlan) > maxSearches {
		t.Errorf("%d searches are remembered", len(ss.byPlan))
	}
}

// A search that is not used for some minutes is forgotten, with what it knows of its plan.
func TestUnusedSearchesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ss := searches{byPlan: make(map[plan.ID]*search)}
		used := ss.of(1)
		for id := range plan.ID(100) {
			ss.of(2 + id)
		}
		for range 20 {
			time.Sleep(30 * time.Second)
			if ss.of(1) != used {
				t.Fatal("the search that is used was forgotten")
			}
		}
		if len(ss.byPlan) != 1 {
			t.Errorf("%d searches are remembered", len(ss.byPlan))
		}
	})
}
