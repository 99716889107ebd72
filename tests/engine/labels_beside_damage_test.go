package engine

import (
	"context"
	"errors"
	"testing"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// unlisted is a damaged store that lists no tasks where the damaged one is among them.
type unlisted struct{ damagedPages }

func (u unlisted) Tasks(ctx context.Context, id plan.ID, q store.TaskQuery) ([]task.Task, int, error) {
	limit := q.Limit
	if limit == 0 {
		limit = store.MaxPage
	}
	if err := u.hits(true, id, q.After, limit); err != nil {
		return nil, 0, err
	}
	return u.damagedPages.Tasks(ctx, id, q)
}

// A search by labels leaves out a damaged task, and finds all others of its plan.
func TestLabelsAreFoundBesideADamagedTask(t *testing.T) {
	t.Parallel()
	for _, ordinal := range []int{1, 700, 1000, 1001, 1250} {
		u := unlisted{damagedPages{damaged: &damaged{Store: memstore.New()}}}
		e := newEngine(t, u, cutover.Config{})
		id := create(t, e, quotaSpec(1, sharded("t", 1250, 1)))
		u.task = task.NewID(id, ordinal)
		found, partly := make(map[task.ID]bool), false
		for from := (cutover.TenantPosition{}); ; {
			r, err := e.Lookup().Labels(t.Context(), map[string]string{"shard": "s0"}, from)
			if err != nil && !errors.Is(err, store.ErrCorrupt) {
				t.Fatal(err)
			}
			partly = partly || err != nil
			for _, f := range r.Tasks {
				found[f.Task.ID] = true
			}
			if r.Next == nil {
				break
			}
			from = *r.Next
		}
		if len(found) != 1249 || found[u.task] || !partly {
			t.Errorf("task %d is damaged: found %d, told %t", ordinal, len(found), partly)
		}
	}
}
