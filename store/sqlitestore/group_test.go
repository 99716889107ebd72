package sqlitestore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/rules"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// TestGroupCommit: calls that wait while a transaction is under way go into the next one together.
func TestGroupCommit(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "group-commit")
	s := open(t, newFile(t), Config{vfs: "group-commit"})
	o := start(t, s, 20)
	held := o.Claim("worker", 20)
	var work []*store.Batch
	for i := range held {
		work = append(work, sqltest.Saves(o.ID, held[i:i+1], 1, "A", nil))
	}
	from := len(d.ops)
	o.OK(o.together(work...))
	syncs := 0
	for _, op := range d.ops[from:] {
		if op.kind == diskSync {
			syncs++
		}
	}
	if syncs > 2 {
		t.Errorf("%d syncs for 20 commits that came together", syncs)
	}
}

// TestGroupWithFailure: a call that fails after it has written something is rolled back alone. The
// others of its transaction take effect, once.
func TestGroupWithFailure(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	o := start(t, s, 4)
	held := o.Claim("worker", 2)
	hold, held1 := make(chan struct{}), make(chan struct{})
	errs := make(chan error, 4)
	wait := func(*tx) error { close(held1); <-hold; return nil }
	go func() { errs <- s.writer.write(o.Ctx, wait) }()
	<-held1
	boom := errors.New("boom")
	jobs := []func() error{
		func() error { return o.Commit(o.Ctx, sqltest.Saves(o.ID, held[:1], 1, "A", nil)) },
		func() error {
			return s.writer.write(o.Ctx, func(tx *tx) error {
				return errors.Join(tx.exec("UPDATE task SET tenant = 'spoiled'"), boom)
			})
		},
		func() error { return o.Commit(o.Ctx, sqltest.Saves(o.ID, held[1:], 1, "A", nil)) },
	}
	for i, job := range jobs {
		go func() { errs <- job() }()
		for o.queued() != i+1 {
			time.Sleep(time.Millisecond) // until it waits for the writer
		}
	}
	close(hold)
	failed := 0
	for range 4 {
		if err := <-errs; errors.Is(err, boom) {
			failed++
		} else if err != nil {
			t.Error(err)
		}
	}
	tasks, err := s.TasksAt(o.Ctx, o.ID, []int{1, 2})
	if err != nil || failed != 1 || tasks[0].Tenant.ID != "tenant-1" || tasks[0].Checkpoint == nil || tasks[1].Checkpoint == nil {
		t.Errorf("%d failed, %v; %+v", failed, err, tasks)
	}
}

// TestRemoveInSteps: a large plan goes in steps that are bounded, cannot be read from the first one
// on, and leaves nothing behind, in the next process as well.
func TestRemoveInSteps(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, Config{})
	const n = 2*removed + 500
	o := start(t, s, n)
	done := o.Claim("worker", 150)
	for _, w := range done {
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
	o.OK(s.Close())
	s = open(t, path, Config{})
	if due, err := s.Due(o.Ctx, nil, 10); err != nil || len(due) != 2 || !due[0].Creating {
		t.Errorf("due: %+v, %v", due, err)
	}
	steps := 1
	for more = true; more; steps++ {
		if more, err = s.Remove(o.Ctx, o.ID); err != nil {
			t.Fatal(err)
		}
	}
	if steps < 4 {
		t.Errorf("%d steps", steps)
	}
	for _, table := range []string{"plan", "control", "facts", "wave", "failure_group", "command", "task", "queue", "release", "claim", "recent", "event", "cursor", "tenant_lock"} {
		column := "plan"
		if table == "plan" {
			column = "id"
		}
		if rows := query(t, s, fmt.Sprintf("SELECT * FROM %s WHERE %s = %d", table, column, o.ID)); len(rows) > 0 {
			t.Errorf("%s: %d rows are left", table, len(rows))
		}
	}
	if left, err := s.Locks(o.Ctx, []string{"tenant-1", "tenant-2"}); err != nil || len(left) != 1 || left[0].Plan != other.ID {
		t.Errorf("locks %+v, %v", left, err)
	}
	storetest.Check(t, s, other.ID)
}

// TestTrimming: a log that is too long loses its oldest task events a few at a time, for good.
func TestTrimming(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, Config{MaxEvents: 300})
	o := start(t, s, 600)
	for range 6 {
		for _, w := range o.Claim("worker", 100) {
			o.End(w, store.Complete, nil)
		}
	}
	p, err := s.Plan(o.Ctx, o.ID)
	o.OK(err)
	kept := query(t, s, "SELECT seq FROM events WHERE ordinal > 0")
	if n := len(kept); n < 300-1 || n > 300+rules.TrimFrom+100 {
		t.Errorf("%d events are kept", n)
	}
	var trimmed *store.TrimmedError
	if _, err := s.Events(o.Ctx, o.ID, 0, 0); !errors.As(err, &trimmed) || trimmed.First != p.LastEvent-300+1 {
		t.Errorf("events from the first: %v, the newest is %d", err, p.LastEvent)
	}
	if own, err := s.PlanEvents(o.Ctx, o.ID, 0, 0); err != nil || len(own) < 2 || own[0].Seq != 1 {
		t.Errorf("plan events %v, %v", own, err)
	}
	o.OK(s.Close())
	s = open(t, path, Config{MaxEvents: -1})
	if _, err := s.Events(o.Ctx, o.ID, 0, 0); !errors.As(err, &trimmed) || trimmed.First > p.LastEvent-300+1 {
		t.Errorf("events after the number was raised: %v", err)
	}
	if events, err := s.Events(o.Ctx, o.ID, trimmed.First-1, 0); err != nil || events[0].Seq != trimmed.First || events[0].Task == 0 && events[0].Cause == task.ByClaim.String() {
		t.Errorf("events %v", err)
	}
}
