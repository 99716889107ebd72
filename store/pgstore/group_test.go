package pgstore

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// TestGroupCommit: commits that wait while a transaction of their plan is under way go into the
// next one together, and each is answered for itself.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 20)
	held := o.Claim("worker", 20)
	var group []*commit
	for i := range held {
		b := sqltest.Saves(o.ID, held[i:i+1], 1, "A", []byte{byte(i)})
		if i == 3 {
			b.Changes[0].Token++ // not its own
		}
		group = append(group, &commit{Batch: *b, done: make(chan struct{})})
	}
	o.groups.mu.Lock()
	o.groups.plans[o.ID] = slices.Clone(group)
	o.groups.work.Add(1)
	o.groups.mu.Unlock()
	o.groups.loop(o.ID)
	for i, c := range group {
		<-c.done
		if fenced := errors.Is(c.Changes[0].Err, store.ErrFenced); c.err != nil || fenced != (i == 3) {
			t.Errorf("commit %d: %v, %v", i, c.err, c.Changes[0].Err)
		}
	}
	tasks, _, err := o.Tasks(o.Ctx, o.ID, store.TaskQuery{})
	o.OK(err)
	for i := range tasks {
		if (tasks[i].Checkpoint != nil) != (i != 3) || i != 3 && tasks[i].Checkpoint.Data[0] != byte(i) {
			t.Errorf("task %d: %+v", i+1, tasks[i].Checkpoint)
		}
	}
	if rows := o.query(server, "SELECT DISTINCT xmin::text FROM @.task WHERE ordinal <> 4"); len(rows) != 1 {
		t.Errorf("%d transactions for 20 commits", len(rows))
	}
}

// TestSeveralStores: stores of several processes, all of which work on one plan, claim every task
// once, and nothing waits for good.
func TestSeveralStores(t *testing.T) {
	t.Parallel()
	const tasks = 400
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), tasks)
	var mu sync.Mutex
	seen := make(map[task.ID]int)
	var all sync.WaitGroup
	for n := range 4 {
		s := open(t, server.url(), Config{Schema: o.cfg.Schema, Connections: 3, Prepare: n%2 == 0})
		all.Go(func() {
			name := fmt.Sprint("worker ", n)
			for i := 0; ; i++ {
				b := store.Batch{Plan: o.ID, Claim: store.Claim{ID: fmt.Sprint(name, i), Worker: name, Max: 7}}
				if err := s.Commit(o.Ctx, &b); err != nil || len(b.Claimed) == 0 {
					if err != nil {
						t.Error(err)
					}
					return
				}
				end := store.Batch{Plan: o.ID}
				mu.Lock()
				for _, c := range b.Claimed {
					seen[c.ID]++
					end.Changes = append(end.Changes, store.Change{Task: c.ID, Token: c.Token, Seq: 1, Kind: store.Complete})
				}
				mu.Unlock()
				if err := s.Commit(o.Ctx, &end); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for id, n := range seen {
		if n != 1 {
			t.Errorf("task %s was claimed %d times", id, n)
		}
	}
	if len(seen) != tasks {
		t.Errorf("%d tasks were claimed", len(seen))
	}
	o.checkEvents(tasks)
}

// TestRemoveInSteps: a large plan goes in steps that are bounded, cannot be read from the first one
// on, by no process, and leaves nothing behind.
func TestRemoveInSteps(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	s := server.open(t, Config{})
	const n = 2*removed + 500
	o := start(t, s, n)
	for _, w := range o.Claim("worker", 20) {
		o.End(w, store.Complete, nil)
	}
	o.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Cancel(plan.By{Now: time.Now()}) })
	other := create(t, s, 3)
	var locks []store.TenantLock
	for i := range 100 {
		locks = append(locks, store.TenantLock{Tenant: fmt.Sprint("tenant-", i+1), Plan: o.ID, Ordinal: i + 1, Start: 1})
	}
	locks[0].Plan = other.ID
	_, err := s.Reserve(o.Ctx, locks)
	o.OK(err)
	more, err := s.Remove(o.Ctx, o.ID)
	if _, hidden := s.Plan(o.Ctx, o.ID); err != nil || !more || !errors.Is(hidden, store.ErrNotFound) {
		t.Errorf("after the first step: more %v, %v; %v", more, err, hidden)
	}
	steps := 1
	for more = true; more; steps++ {
		more, err = s.Remove(o.Ctx, o.ID)
		o.OK(err)
	}
	if steps < 4 {
		t.Errorf("%d steps", steps)
	}
	for _, table := range []string{"control", "facts", "wave", "failure_group", "command", "task", "queue", "release", "claim", "event", "cursor", "agenda", "tenant_lock"} {
		if rows := o.query(server, fmt.Sprintf("SELECT * FROM @.%s WHERE plan = %d", table, o.ID)); len(rows) > 0 {
			t.Errorf("%s: %d rows are left", table, len(rows))
		}
	}
	if left, err := s.Locks(o.Ctx, []string{"tenant-1", "tenant-2"}); err != nil || len(left) != 1 || left[0].Plan != other.ID {
		t.Errorf("locks: %+v, %v", left, err)
	}
}
