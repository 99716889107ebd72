//go:build crash

package crash

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/task"
)

// overlaps is what countOverlaps finds.
type overlaps struct {
	faults []string
	most   int // tasks of a shard that were worked on at once
}

// countOverlaps goes through a ledger and looks for tenants that two plans work on at once, and for
// shards of which more tasks are worked on at once than their quota allows. A task is worked on
// from its first run until the end of its last one, whoever has died or was frozen in between. What
// a worker does after it has lost the task is not counted: its writes are refused.
func countOverlaps(entries []crashtest.Entry, tenants map[task.ID]task.Tenant) (o overlaps) {
	last := lastEnds(entries)
	var active []task.ID
	for i, e := range entries {
		end, over := last[e.Task]
		switch {
		case over && i == end:
			active = slices.DeleteFunc(active, func(id task.ID) bool { return id == e.Task })
		case e.Kind == crashtest.Started && (!over || i < end) && !slices.Contains(active, e.Task):
			o.begin(e.Task, active, tenants)
			active = append(active, e.Task)
		}
	}
	for _, id := range active {
		o.faults = append(o.faults, fmt.Sprintf("the work on task %s has no end", id))
	}
	return o
}

// begin counts a task that begins while others are active.
func (o *overlaps) begin(id task.ID, active []task.ID, tenants map[task.ID]task.Tenant) {
	n := 1
	for _, other := range active {
		if tenants[other].ID == tenants[id].ID {
			o.faults = append(o.faults, fmt.Sprintf("tasks %s and %s work on the tenant %s at once", other, id, tenants[id].ID))
		}
		if tenants[other].Labels[shardLabel] == tenants[id].Labels[shardLabel] {
			n++
		}
	}
	if o.most = max(o.most, n); n > shardMax {
		o.faults = append(o.faults, fmt.Sprintf("with task %s, %d of one shard are worked on at once", id, n))
	}
}

// lastEnds returns the indexes at which the last runs of tasks end: those with the greatest tokens.
func lastEnds(entries []crashtest.Entry) map[task.ID]int {
	newest, ends := make(map[task.ID]task.Token), make(map[task.ID]int)
	for _, e := range entries {
		if e.Kind == crashtest.Started {
			newest[e.Task] = max(newest[e.Task], e.Token)
		}
	}
	for i, e := range entries {
		if e.Kind == crashtest.Done && e.Token == newest[e.Task] {
			ends[e.Task] = i
		}
	}
	return ends
}

// TestOverlapsAreSeen checks that countOverlaps reports each fault, and no take-over.
func TestOverlapsAreSeen(t *testing.T) {
	t.Parallel()
	tenants := make(map[task.ID]task.Tenant)
	for plan := range 2 {
		for i := range 5 {
			tenants[task.ID((plan+1)*1_000_000+i+1)] = task.Tenant{ID: fmt.Sprint("t-", i), Labels: map[string]string{shardLabel: "s"}}
		}
	}
	const first, same = task.ID(1_000_001), task.ID(2_000_001) // of one tenant
	begin := func(id task.ID, token task.Token) crashtest.Entry {
		return crashtest.Entry{Kind: crashtest.Started, Task: id, Token: token}
	}
	end := func(id task.ID, token task.Token) crashtest.Entry {
		return crashtest.Entry{Kind: crashtest.Done, Task: id, Token: token}
	}
	tests := map[string]struct {
		entries      []crashtest.Entry
		faults, most int
	}{
		"one after the other": {[]crashtest.Entry{begin(first, 1), end(first, 1), begin(same, 2), end(same, 2)}, 0, 1},
		"two plans at once":   {[]crashtest.Entry{begin(first, 1), begin(same, 2), end(first, 1), end(same, 2)}, 1, 2},
		"another plan between a kill and the take-over": {
			[]crashtest.Entry{begin(first, 1), begin(same, 2), end(same, 2), begin(first, 3), end(first, 3)}, 1, 2,
		},
		"a frozen worker wakes up late": {
			[]crashtest.Entry{begin(first, 1), begin(first, 2), end(first, 2), begin(same, 3), begin(first, 1), end(first, 1), end(same, 3)}, 0, 1,
		},
		"a frozen worker ends before the one that took over": {
			[]crashtest.Entry{begin(first, 1), begin(first, 2), end(first, 1), begin(same, 3), end(first, 2), end(same, 3)}, 1, 2,
		},
		"as many as the quota allows": {
			[]crashtest.Entry{begin(first, 1), begin(first+1, 1), begin(first+2, 1), end(first, 1), begin(first+3, 1), end(first+1, 1), end(first+2, 1), end(first+3, 1)}, 0, 3,
		},
		"one more than the quota": {
			[]crashtest.Entry{begin(first, 1), begin(first+1, 1), begin(first+2, 1), begin(same+3, 1), end(first, 1), end(first+1, 1), end(first+2, 1), end(same+3, 1)}, 1, 4,
		},
		"no end": {[]crashtest.Entry{begin(first, 1)}, 1, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o := countOverlaps(test.entries, tenants); len(o.faults) != test.faults || o.most != test.most {
				t.Errorf("at most %d, %q, want %d and %d faults", o.most, o.faults, test.most, test.faults)
			}
		})
	}
}
