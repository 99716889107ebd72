package sqlitestore

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/store/storetest"
)

// TestFullLog: without room for the write-ahead log commits fail for now, and go on with room.
func TestFullLog(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "full-log")
	path := newFile(t)
	o := start(t, open(t, path, Config{vfs: "full-log"}), 20)
	held := o.Claim("worker", 20)
	d.setFailOf(filepath.Base(path)+"-wal", sqlite3.FULL)
	work := sqltest.Saves(o.ID, held, 1, "A", []byte("{}"))
	for range 3 {
		if err := o.Commit(o.Ctx, work); !store.Temporary(err) {
			t.Errorf("a commit: %v, want a passing fault", err)
		}
	}
	d.setFail(nil)
	o.Work(work)
	storetest.Check(t, o.Store, o.ID)
}

// TestNoRoomForTheLog: while what the write-ahead log has cannot be moved to the file, commits go
// on in the log, and nothing of them is lost when the file is closed and opened.
func TestNoRoomForTheLog(t *testing.T) {
	t.Parallel()
	d := newDisk(t, "full-file")
	path := newFile(t)
	o := start(t, open(t, path, Config{vfs: "full-file"}), 100)
	held := o.Claim("worker", 100)
	d.setFailOf(filepath.Base(path), sqlite3.FULL)
	seq, data := uint32(0), bytes.Repeat([]byte("x"), 60_000)
	for range 9 { // more pages than a log may have before it is moved
		seq++
		o.Work(sqltest.Saves(o.ID, held, seq, "A", data))
	}
	o.OK(o.Close())
	if d.refused == 0 {
		t.Error("nothing was to be moved to the file")
	}
	d.setFail(nil)
	o.Store = open(t, path, Config{})
	for _, want := range held {
		if got, err := o.Task(o.Ctx, want.ID); err != nil || got.Checkpoint == nil || len(got.Checkpoint.Data) != len(data) {
			t.Fatalf("task %s: %v, %v", want.ID, got.Checkpoint, err)
		}
	}
	o.Work(sqltest.Saves(o.ID, held, seq+1, "B", nil))
}
