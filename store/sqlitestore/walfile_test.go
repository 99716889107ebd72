package sqlitestore

import (
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestGatheredWrites: what a commit appends to the WAL is one write, and a disk that is full then
// is a passing fault, although SQLite hears of it when it synchronizes.
func TestGatheredWrites(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "gathered-writes")
	s := open(t, newFile(t), Config{vfs: "gathered-writes"})
	o := start(t, s, 20)
	held := o.Claim("worker", 20)
	from := len(d.ops)
	o.Work(sqltest.Saves(o.ID, held, 1, "A", make([]byte, 4000)))
	writes, size := 0, 0
	for _, op := range d.ops[from:] {
		if op.kind == diskWrite && strings.HasSuffix(op.file, "-wal") {
			writes, size = writes+1, size+len(op.data)
		}
	}
	if writes != 1 || size < 20*4000 {
		t.Errorf("%d writes of %d bytes, want 1", writes, size)
	}
	for _, full := range []error{syscall.ENOSPC, &os.PathError{Op: "write", Path: "plans.db-wal", Err: syscall.ENOSPC}} {
		d.setFail(full)
		if err := s.Commit(o.Ctx, sqltest.Saves(o.ID, held, 2, "B", nil)); !store.Temporary(err) || !strings.Contains(err.Error(), "the disk is full") {
			t.Errorf("%v: %v", full, err)
		}
	}
	d.setFail(errors.New("a cable"))
	if err := s.Commit(o.Ctx, sqltest.Saves(o.ID, held, 2, "B", nil)); !store.Temporary(err) {
		t.Errorf("an error of a write: %v", err)
	}
	d.setFail(nil)
	o.Work(sqltest.Saves(o.ID, held, 2, "B", nil))
	storetest.Check(t, copyOf(t, s), o.ID)
}
