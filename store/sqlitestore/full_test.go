package sqlitestore

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestFullDisk: while the disk is full, calls that write fail with a passing fault that names the
// file, queries go on, and nothing is half done; as soon as there is room, the same calls succeed.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "full-disk")
	s := open(t, newFile(t), Config{vfs: "full-disk"})
	o := start(t, s, 200)
	held := o.Claim("worker", 200)
	d.setFail(sqlite3.FULL)
	work := []*store.Batch{sqltest.Saves(o.ID, held[:100], 1, "A", []byte("{}")), sqltest.Saves(o.ID, held[100:], 1, "A", []byte("{}"))}
	for _, b := range work {
		if err := s.Commit(o.Ctx, b); !store.Temporary(err) || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), s.path) {
			t.Errorf("a commit: %v, want a passing fault", err)
		}
	}
	if err := o.together(work...); !store.Temporary(err) {
		t.Errorf("two commits together: %v, want a passing fault", err)
	}
	if found, err := s.Task(o.Ctx, held[0].ID); err != nil || found.Checkpoint != nil {
		t.Errorf("the task is %+v, %v", found, err)
	}
	d.setFail(nil)
	for _, b := range work {
		o.Work(b)
	}
	o.OK(s.Join(o.Ctx, "worker", time.Minute, store.Process{})) // a check wants no orphans
	storetest.Check(t, s, o.ID)
}

// TestFailedSync: after the system could not tell whether something is on the disk, nothing is
// written any more, and the error asks to open the file again. That goes on where it was.
func TestFailedSync(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "failed-sync")
	path := newFile(t)
	s, err := Open(t.Context(), path, Config{vfs: "failed-sync"})
	if err != nil {
		t.Fatal(err)
	}
	o := start(t, s, 2)
	held := o.Claim("worker", 2)
	o.Work(sqltest.Saves(o.ID, held, 1, "A", nil))
	d.setFail(sqlite3.IOERR_FSYNC)
	if err := s.Commit(o.Ctx, sqltest.Saves(o.ID, held, 2, "B", nil)); err == nil {
		t.Error("a commit whose sync failed was answered")
	}
	d.setFail(nil)
	for range 2 {
		err := s.Commit(o.Ctx, sqltest.Saves(o.ID, held, 2, "B", nil))
		if file := new(FileError); !errors.As(err, &file) || store.Temporary(err) || !strings.Contains(err.Error(), "open it again") {
			t.Errorf("a commit after it: %v", err)
		}
	}
	if _, err := s.Plan(o.Ctx, o.ID); err != nil {
		t.Errorf("a query after it: %v", err)
	}
	o.OK(s.Close())
	o.Store = open(t, path, Config{})
	o.Work(sqltest.Saves(o.ID, held, 2, "B", nil))
}
