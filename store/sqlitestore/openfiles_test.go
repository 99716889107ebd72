package sqlitestore

import (
	"errors"
	"os"
	"testing"

	"github.com/cutover-go/cutover/store/internal/sqltest"
	"github.com/cutover-go/cutover/task"
)

// TestFileIsGone: a store whose file, or the log beside it, was deleted, moved or replaced while it
// was open answers no call that writes as if it were kept, then and later, and what was answered
// before is in the file, if that is left.
func TestFileIsGone(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(path string) error{
		"deleted":     os.Remove,
		"log deleted": func(path string) error { return os.Remove(path + logSuffix) },
		"moved":       func(path string) error { return os.Rename(path, path+"-old") },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+"-new", nil, 0o600), os.Rename(path+"-new", path))
		},
		"log replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+"-new", nil, 0o600), os.Rename(path+"-new", path+logSuffix))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newFile(t)
			o := start(t, open(t, path, Config{}), 20)
			held := o.Claim("worker", 3)
			o.OK(o.Commit(o.Ctx, sqltest.Saves(o.ID, held[:1], 1, "A", nil)))
			o.OK(harm(path))
			for seq := range uint32(2) {
				if err := o.Commit(o.Ctx, sqltest.Saves(o.ID, held[1:2], seq+1, "A", nil)); !errors.As(err, new(*FileError)) {
					t.Errorf("commit %d: %v", seq+1, err)
				}
			}
			_ = o.Close()
		})
	}
}

// TestFileIsPresent: files that cannot be examined are left to SQLite, and so is a file that was
// opened by a link that is gone.
func TestFileIsPresent(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	soft := path + "-soft"
	o := start(t, open(t, path, Config{}), 2)
	o.OK(o.Close())
	o.OK(os.Symlink(path, soft))
	o.Store = open(t, soft, Config{})
	o.OK(os.Remove(soft))
	o.Claim("worker", 2)
	if p, err := o.Plan(o.Ctx, o.ID); err != nil || p.Counters.Of(task.Running) != 2 {
		t.Errorf("plan %+v, %v", p, err)
	}
}
