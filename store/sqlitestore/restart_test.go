package sqlitestore

import (
	"errors"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// TestRestart: after the file is opened again, everything that was written is there, all plans are
// due, the leases of before are over, and their tasks are orphans.
func TestRestart(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	first := open(t, path, Config{})
	o := start(t, first, 20)
	o.OK(first.Join(o.Ctx, "worker", time.Hour, store.Process{}))
	held := o.Claim("worker", 5)
	o.Work(sqltest.Saves(o.ID, held, 1, "STEP", []byte(`{"a":1}`)))
	_, err := first.Subscribe(o.Ctx, "mail", true)
	o.OK(err)
	_, err = first.Cursor(o.Ctx, o.ID, "mail", "old", time.Hour)
	o.OK(err)
	o.OK(first.MarkUnread(o.Ctx, "mail", []plan.ID{o.ID}))
	before, err := first.Plan(o.Ctx, o.ID)
	o.OK(err)
	tasks, _, err := first.Tasks(o.Ctx, o.ID, store.TaskQuery{})
	o.OK(err)
	due, err := first.Due(o.Ctx, nil, 1)
	o.OK(err)
	o.OK(first.Close())

	s := open(t, path, Config{})
	o.Store = s
	after, err := s.Plan(o.Ctx, o.ID)
	o.OK(err)
	before.Idle, after.Idle, before.Now, after.Now = 0, 0, time.Time{}, time.Time{}
	if !reflect.DeepEqual(before, after) {
		t.Errorf("the plan was\n%+v\nand is\n%+v", before, after)
	}
	again, _, err := s.Tasks(o.Ctx, o.ID, store.TaskQuery{})
	if o.OK(err); !reflect.DeepEqual(tasks, again) {
		t.Errorf("the tasks were\n%+v\nand are\n%+v", tasks, again)
	}
	if _, err := s.Heartbeat(o.Ctx, "worker", time.Hour, nil); !errors.Is(err, store.ErrLeaseExpired) {
		t.Errorf("the lease of before: %v", err)
	}
	if orphans, err := s.Orphans(o.Ctx, o.ID); err != nil || len(orphans) != 5 || orphans[0].Worker != "worker" {
		t.Errorf("orphans %+v, %v", orphans, err)
	}
	if now, err := s.Due(o.Ctx, nil, 10); err != nil || len(now) != 1 || now[0].ID != o.ID || now[0].Stamp == due[0].Stamp {
		t.Errorf("due: %+v, %v; it was %+v", now, err, due)
	}
	if _, err := s.Cursor(o.Ctx, o.ID, "mail", "new", time.Hour); err != nil {
		t.Errorf("the cursor of before: %v", err)
	}
	if unread, err := s.Unread(o.Ctx, "mail", 10, 0); err != nil || len(unread) != 1 {
		t.Errorf("unread: %+v, %v", unread, err)
	}
	storetest.Check(t, s, o.ID)
}

// TestTokensGrowOverRestarts: a token is greater than every token that was issued before the file
// was opened again, although the clock was set back meanwhile.
func TestTokensGrowOverRestarts(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	first := open(t, path, Config{})
	o := start(t, first, 2)
	newest := o.Claim("worker", 1)[0].Token
	o.OK(first.Close())
	o.Store = open(t, path, Config{clock: func() time.Time { return time.Now().Add(-24 * time.Hour) }})
	b := store.Batch{Plan: o.ID, Claim: store.Claim{ID: "late", Worker: "worker", Max: 1, RaiseTokens: true}}
	o.OK(o.Commit(o.Ctx, &b))
	if got := b.Claimed[0].Token; got <= newest {
		t.Errorf("token %d after %d", got, newest)
	}
}

// TestBackup: a backup has everything, and can be opened.
func TestBackup(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	o := start(t, s, 20)
	o.End(o.Claim("worker", 3)[0], store.Complete, nil)
	copied := filepath.Join(t.TempDir(), "it's a copy.db")
	o.OK(s.Backup(o.Ctx, copied))
	missing := filepath.Join(t.TempDir(), "missing", "copy.db")
	for path, want := range map[string]string{copied: "exists already", missing: "cannot be found", t.TempDir(): "exists already", "/proc/copy.db": "cannot be written"} {
		err := s.Backup(o.Ctx, path)
		if file := new(FileError); !errors.As(err, &file) || file.File != path || !strings.Contains(err.Error(), want) || store.Temporary(err) {
			t.Errorf("a backup to %s: error %v, want a FileError with %q", path, err, want)
		}
	}
	o.Store = open(t, copied, Config{})
	if p, err := o.Plan(o.Ctx, o.ID); err != nil || p.Counters.Of(task.Completed) != 1 || p.Counters.Held != 2 {
		t.Errorf("plan %+v, %v", p, err)
	}
	storetest.Check(t, o.Store, o.ID)
}

// TestCreationOverRestart: a creation goes on in the next process, and one that nobody goes on with
// is put on the agenda when its TTL is over.
func TestCreationOverRestart(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	s := open(t, path, Config{})
	c, err := s.BeginCreate(t.Context(), store.Create{Mark: "mark", Plan: plan.Plan{TaskCount: 2}, TTL: time.Minute})
	if err == nil {
		err = errors.Join(s.AddTenants(t.Context(), c, 1, []task.Tenant{{ID: "a"}}), s.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	s = open(t, path, Config{})
	if due, err := s.Due(t.Context(), nil, 10); err != nil || len(due) != 0 {
		t.Errorf("due: %+v, %v", due, err)
	}
	if err := errors.Join(s.AddTenants(t.Context(), c, 2, []task.Tenant{{ID: "b"}}), s.FinishCreate(t.Context(), c)); err != nil {
		t.Error(err)
	}
	storetest.Check(t, s, c.ID)
}
