package gateway

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/cutover-go/cutover/gateway/internal/disk"
)

// FileTable is a [Table] in a file of this machine, for processes that run on the same machine. It
// is locked by flock on a second file, PATH.lock. A change is appended to the file, and made
// durable by one sync of the disk; when the changes are longer than the table, all of it is written
// anew and replaces the file by rename. A crash leaves the table before the change or after it. On
// systems without flock every call fails.
//
// A table that has a lower revision than this process has seen, because its file was replaced by an
// older copy or removed, is [ErrDamaged].
type FileTable struct {
	path string

	mu    sync.Mutex
	known fileState // as it was last read or saved
}

// NewFileTable returns the table at path. The file need not exist; its directory must.
func NewFileTable(path string) *FileTable { return &FileTable{path: path} }

// lockInterval is the time between two tries to lock a table that another process has locked.
const lockInterval = 2 * time.Millisecond

// Load implements [Table].
func (t *FileTable) Load(ctx context.Context) (Rows, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return nil, 0, err
	}
	if t.known.rows == nil {
		return Rows{}, 0, nil
	}
	return t.known.rows, t.known.rev, nil
}

// Save implements [Table].
func (t *FileTable) Save(ctx context.Context, rows Rows, ifRev uint64) (uint64, error) {
	return t.save(ctx, ifRev, func() error { return t.replace(rows, ifRev+1) })
}

// Update implements [Updater].
func (t *FileTable) Update(ctx context.Context, changed Rows, ifRev uint64) (uint64, error) {
	return t.save(ctx, ifRev, func() error {
		rows := make(Rows, len(t.known.rows)+len(changed))
		maps.Copy(rows, t.known.rows)
		maps.Copy(rows, changed)
		next, text := t.known.append(changed, ifRev+1)
		if text != nil && t.append(text) == nil {
			next.rows = rows
			t.known = next
			return nil
		}
		return t.replace(rows, ifRev+1)
	})
}

// save calls write while the table is locked and has revision ifRev.
func (t *FileTable) save(ctx context.Context, ifRev uint64, write func() error) (uint64, error) {
	unlock, err := lockFile(ctx, t.path+".lock")
	if err != nil {
		return 0, err
	}
	defer unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.read(); err != nil {
		return 0, err
	}
	if t.known.rev != ifRev {
		return 0, fmt.Errorf("%w: %d, not %d", ErrConflict, t.known.rev, ifRev)
	}
	if err := write(); err != nil {
		return 0, err
	}
	return t.known.rev, nil
}

// replace writes the whole table anew.
func (t *FileTable) replace(rows Rows, rev uint64) error {
	content, next := formatTable(rows, rev)
	if err := ReplaceFile(t.path, content); err != nil {
		return err
	}
	t.known = next
	return nil
}

// append makes a change durable at the end of the file. After an error the file has an end that
// cannot be read, or one that may not be durable, and must be replaced.
func (t *FileTable) append(text []byte) error {
	file, err := os.OpenFile(t.path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, disk.Sync(file), file.Close())
}

// read brings what is known of the table up to date. The caller holds mu.
func (t *FileTable) read() error {
	file, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t.accept(fileState{})
	}
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	next, err := t.known.readMore(file)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrDamaged, t.path, err)
	}
	if next.rev != t.known.rev {
		// Another process has written this and may not have synchronised it yet; a proxy must not
		// be given what a crash of the machine could take back.
		if err := file.Sync(); err != nil {
			return err
		}
	}
	return t.accept(next)
}

// accept makes a state the one that is known.
func (t *FileTable) accept(next fileState) error {
	if next.rev < t.known.rev {
		return fmt.Errorf("%w: %s went back from revision %d to %d", ErrDamaged, t.path, t.known.rev, next.rev)
	}
	t.known = next
	return nil
}

// LockInstance implements [Locker], by flock on the file PATH.NAME.lock.
func (t *FileTable) LockInstance(ctx context.Context, name string) (unlock func(), err error) {
	return lockFile(ctx, t.path+"."+url.PathEscape(name)+".lock")
}

// lockFile locks a file against all other processes and calls, until unlock.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := disk.TryLock(file)
		if locked {
			return func() { _ = file.Close() }, nil
		}
		if err == nil {
			select {
			case <-time.After(lockInterval):
				continue
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		_ = file.Close()
		return nil, fmt.Errorf("gateway: locking %s: %w", path, err)
	}
}

// ReplaceFile replaces a file by a new one with this content, by rename: a reader sees the old
// content or the new, also after a crash. The new file has the mode of the old one, or 0644.
func ReplaceFile(path string, content []byte) (err error) {
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	err = errors.Join(err, file.Chmod(mode), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

// syncDirectory makes the rename itself durable.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}
