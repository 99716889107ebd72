package dispatch

import (
	"testing"

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
