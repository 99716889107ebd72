package sqlitestore

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
)

// TestCloseDuringBackup: Close waits for a backup under way, which is whole then or, if its context
// has ended, ends soon.
func TestCloseDuringBackup(t *testing.T) {
	t.Parallel()
	for _, canceled := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const copied = "copy.db"
			d, reached, goOn := newDisk(t, "close-during-backup"), make(chan struct{}), make(chan struct{})
			var first sync.Once
			d.opened = func(file string) {
				if file == copied {
					first.Do(func() { close(reached); <-goOn })
				}
			}
			s, path := open(t, newFile(t), Config{vfs: "close-during-backup"}), filepath.Join(t.TempDir(), copied)
			create(t, s, 1000)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			backedUp, closed := make(chan error, 1), make(chan error, 1)
			go func() { backedUp <- s.Backup(ctx, path) }()
			<-reached
			go func() { closed <- s.Close() }()
			synctest.Wait()
			if len(closed) > 0 {
				t.Error("Close has not waited")
			}
			if canceled {
				cancel()
			}
			close(goOn)
			err := <-backedUp
			if closing := <-closed; closing != nil {
				t.Errorf("closing: %v", closing)
			}
			switch {
			case canceled && !errors.Is(err, context.Canceled):
				t.Errorf("a backup without a context: %v", err)
			case !canceled && err != nil:
				t.Errorf("a backup: %v", err)
			case !canceled:
				if p, err := open(t, path, Config{}).Plan(t.Context(), 1); err != nil || p.TaskCount != 1000 {
					t.Errorf("the copy has %d tasks, %v", p.TaskCount, err)
				}
			}
		})
	}
}
