package sqlitestore

import (
	"context"
	"errors"
	"os"

	"github.com/ncruces/go-sqlite3"
)

// Backup writes a copy of the present content into a new file, as VACUUM INTO does: compact, and
// readable by Open. Calls go on meanwhile. The file must not exist, or be empty: otherwise, or if
// it cannot be written, Backup returns a *FileError with its name. What a call that failed leaves
// of it is no backup. Close waits for a Backup under way; the end of ctx ends it soon.
func (s *Store) Backup(ctx context.Context, path string) error {
	return s.readers.backup(func() error { return s.backup(ctx, path) })
}

func (s *Store) backup(ctx context.Context, path string) error {
	if path == "" {
		return &InvalidError{Faults: []string{"no path of a file"}}
	}
	target, err := resolve(path)
	if err != nil {
		return err
	}
	if info, err := os.Stat(target); err == nil && (!info.Mode().IsRegular() || info.Size() > 0) {
		return &FileError{File: target, Reason: "exists already; a backup is written into a new file"}
	}
	c, err := dial(s.path, s.cfg.vfs, false)
	if err != nil {
		return err
	}
	c.SetInterrupt(ctx)
	err = c.exec("VACUUM INTO ?", target)
	c.SetInterrupt(context.Background())
	if errors.Is(err, sqlite3.CANTOPEN) || errors.Is(err, sqlite3.READONLY) || errors.Is(err, sqlite3.FULL) {
		c.file = target // the store's own file is only read
	}
	return errors.Join(c.fault(ctx, err), c.Close())
}
