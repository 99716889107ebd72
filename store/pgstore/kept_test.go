package pgstore

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// quickly carries out a batch with what the store has kept, and fails if it cannot.
func (o *operator) quickly(b *store.Batch) {
	o.Helper()
	r := o.kept.take(o.ID)
	if r == nil {
		o.Fatal("nothing was kept")
	}
	o.kept.put(o.ID, r)
	o.OK(o.Commit(o.Ctx, b))
	for i := range b.Changes {
		o.OK(b.Changes[i].Err)
	}
	if now := o.kept.take(o.ID); now != r {
		o.Errorf("what was kept was not used: %p, %p", r, now)
	} else {
		o.kept.put(o.ID, r)
	}
}

// TestKept: commits that find their plan kept leave in the tables what others would, over the
// limits of what is read ahead.
func TestKept(t *testing.T) {
	t.Parallel()
	const tasks = 2*readAhead + 50
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), tasks)
	held := o.Claim("worker", 40)
	for n, w := range held {
		o.quickly(sqltest.Saves(o.ID, held[n:n+1], 1, "A", []byte("1")))
		o.quickly(&store.Batch{Plan: o.ID, Changes: []store.Change{{Task: w.ID, Token: w.Token, Seq: 2, Kind: store.Complete}}})
	}
	for n := 40; n < tasks; n += 10 {
		b := store.Batch{Plan: o.ID, Claim: store.Claim{ID: fmt.Sprint("more ", n), Worker: "worker", Max: 10}}
		o.quickly(&b)
		end := store.Batch{Plan: o.ID}
		for i, w := range b.Claimed {
			if w.ID.Ordinal() != n+i+1 || w.Tenant.ID != fmt.Sprint("tenant-", n+i+1) {
				t.Fatalf("task %s, %s was claimed, not %d", w.ID, w.Tenant.ID, n+i+1)
			}
			end.Changes = append(end.Changes, store.Change{Task: w.ID, Token: w.Token, Seq: 1, Kind: store.Complete})
		}
		if n+10 < tasks {
			o.quickly(&end)
		} else {
			o.Work(&end) // then nothing is left to keep
		}
	}
	o.checkEvents(tasks)
	other := open(t, server.url(), Config{Schema: o.cfg.Schema})
	p, err := other.Plan(o.Ctx, o.ID)
	o.OK(err)
	if p.Counters.Of(task.Completed) != tasks || o.kept.take(o.ID) != nil {
		t.Errorf("%+v", p.Counters)
	}
}

// TestKeptIsOutOfDate: what a store has kept of a plan that another one, or a command, has changed
// meanwhile decides nothing.
func TestKeptIsOutOfDate(t *testing.T) {
	t.Parallel()
	server := newSchemas(t)
	o := start(t, server.open(t, Config{}), 8)
	other := operate(t, open(t, server.url(), Config{Schema: o.cfg.Schema}))
	other.ID, other.Sent = o.ID, 100
	held := o.Claim("worker", 4)
	o.quickly(sqltest.Saves(o.ID, held, 1, "A", []byte("1")))

	taken := other.Claim("another", 2)
	if taken[0].ID.Ordinal() != 5 {
		t.Fatalf("%s was claimed", taken[0].ID)
	}
	if next := o.Claim("worker", 1); next[0].ID.Ordinal() != 7 || next[0].Token <= taken[1].Token {
		t.Fatalf("%s was claimed with %d, after %d", next[0].ID, next[0].Token, taken[1].Token)
	}
	other.End(held[0], store.Complete, nil) // with a smaller number than was saved with: a repeat
	other.Work(&store.Batch{Plan: o.ID, Changes: []store.Change{{Task: held[0].ID, Token: held[0].Token, Seq: 2, Kind: store.Complete}}})
	b := sqltest.Saves(o.ID, held[:2], 3, "B", []byte("2"))
	o.OK(o.Commit(o.Ctx, b))
	if !errors.Is(b.Changes[0].Err, store.ErrFenced) || b.Changes[1].Err != nil {
		t.Errorf("saves of a task that has ended, and of one that has not: %v, %v", b.Changes[0].Err, b.Changes[1].Err)
	}

	// A claim that another store was answered, with and without tasks that are left to claim.
	repeat := func(s *operator, id string) (ordinals []int) {
		b := store.Batch{Plan: o.ID, Claim: store.Claim{ID: id, Worker: "another", Max: 2}}
		o.OK(s.Commit(o.Ctx, &b))
		for i := range b.Claimed {
			ordinals = append(ordinals, b.Claimed[i].ID.Ordinal())
		}
		return ordinals
	}
	o.quickly(sqltest.Saves(o.ID, held[1:2], 4, "C", nil))
	if got := repeat(o, "claim 101"); !slices.Equal(got, []int{5, 6}) {
		t.Errorf("a repeated claim was assigned %v", got)
	}
	o.Claim("worker", 1)
	o.quickly(sqltest.Saves(o.ID, held[1:2], 5, "D", nil))
	if got := repeat(o, "claim 101"); !slices.Equal(got, []int{5, 6}) {
		t.Errorf("a repeated claim was assigned %v when nothing is left to claim", got)
	}
	if got := repeat(o, "new"); got != nil {
		t.Errorf("a claim was assigned %v", got)
	}

	other.Decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{Now: time.Now()}) })
	b = sqltest.Saves(o.ID, held[1:2], 6, "E", nil)
	o.OK(o.Commit(o.Ctx, b))
	if b.Changes[0].Stop != task.StopPause {
		t.Errorf("the stop of a save after a pause by another store is %v", b.Changes[0].Stop)
	}
}

// TestServerClock: the server's time between two readings grows, is never ahead of it, and follows
// a clock that is set back.
func TestServerClock(t *testing.T) {
	t.Parallel()
	var c serverClock
	if _, age := c.now(); age < maxClock {
		t.Errorf("a clock that was never read is %v old", age)
	}
	const hour = int64(3600e6)
	c.read(2 * hour)
	first, age := c.now()
	if first < 2*hour || age > maxClock {
		t.Errorf("%d, %v", first, age)
	}
	c.read(2*hour - 1000) // an answer that took longer
	if second, _ := c.now(); second < first {
		t.Errorf("%d after %d", second, first)
	}
	c.read(hour)
	if third, _ := c.now(); third >= 2*hour {
		t.Errorf("%d after the clock was set back to %d", third, hour)
	}
}
