package sqlitestore

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/internal/agenda"
	"github.com/cutover-go/cutover/store/internal/hints"
)

// Store keeps plans in a file. It is safe for concurrent use. It has one goroutine, which writes,
// and ends with [Store.Close].
type Store struct {
	cfg     Config
	path    string // absolute
	lock    *fileLock
	writer  *writer
	readers *readers

	agenda *agenda.Agenda
	leases leases
	hints  hints.Hints
	tokens tokens

	closing sync.Once
	closed  error // what closing returned

	*subscriptions
	*quotas
}

var _ store.Store = (*Store)(nil)

// Open opens the file at path, and makes it if there is none. It returns an *InUseError if a store
// is open on the file already, a *VersionError if the file has another layout, a *FileError if it
// cannot be used for another reason, and an *InvalidError for arguments that make no sense. Only
// Close lets the next store open the file.
//
// The leases of all incarnations that worked on the file before are over: the lock of the file
// proves that none of them is left. Their tasks are taken over at once.
func Open(ctx context.Context, path string, cfg Config) (s *Store, err error) {
	if err := errors.Join(cfg.check(path), ctx.Err()); err != nil {
		return nil, err
	}
	absolute, err := resolve(path)
	if err != nil {
		return nil, err
	}
	if err := refuseUnusable(absolute); err != nil {
		return nil, err
	}
	s = &Store{cfg: cfg.withDefaults(), path: absolute}
	if s.lock, err = lockFile(absolute); err != nil {
		return nil, err
	}
	if err := s.start(); err != nil {
		return nil, errors.Join(err, s.lock.unlock())
	}
	return s, nil
}

// resolve returns the one path of a file: its lock is beside the file, not beside a link to it.
func resolve(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", &FileError{path, "has no absolute path", err}
	}
	real, err := filepath.EvalSymlinks(absolute)
	if errors.Is(err, os.ErrNotExist) { // it is to be made
		var dir string
		dir, err = filepath.EvalSymlinks(filepath.Dir(absolute))
		real = filepath.Join(dir, filepath.Base(absolute))
	}
	if err != nil {
		return "", &FileError{absolute, "cannot be found", err}
	}
	return real, nil
}

// refuseUnusable returns a *FileError for what can be told before the file is touched.
func refuseUnusable(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return &FileError{path, "cannot be examined", err}
	case !info.Mode().IsRegular():
		return &FileError{File: path, Reason: "is no regular file"}
	case links(info) > 1:
		return &FileError{File: path, Reason: "has more than one name (hard links): its lock would not keep two processes apart"}
	default:
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return &FileError{path, "cannot be opened for writing", err}
		}
		if err := f.Close(); err != nil {
			return &FileError{path, "cannot be examined", err}
		}
	}
	return refuseRemote(path)
}

// start prepares the file and starts the writer.
func (s *Store) start() error {
	c, err := dial(s.path, s.cfg.vfs, true)
	if err != nil {
		return err
	}
	var files openFiles
	look := func(c *conn) error { return files.look(c.file) }
	for _, step := range []func(*conn) error{(*conn).prepare, (*conn).verify, s.tokens.load, s.loadAgenda, look} {
		if err := step(c); err != nil {
			return errors.Join(err, c.Close())
		}
	}
	s.writer = newWriter(c, s.cfg.MaxEvents, s.tokens.forget, files)
	s.readers = newReaders(s.cfg.Readers, func() (*conn, error) { return s.dialReader() })
	s.subscriptions = &subscriptions{s}
	s.quotas = &quotas{s}
	return nil
}

func (s *Store) dialReader() (*conn, error) {
	c, err := dial(s.path, s.cfg.vfs, false)
	if err != nil {
		return nil, err
	}
	if err := c.set("query_only", "ON", "1"); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close ends the store. Calls under way end first, a [Store.Backup] too, which takes as long as the
// file is large unless its context ends it; later ones return ErrClosed. It may be called more than
// once.
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.writer.close()
		s.closed = errors.Join(s.readers.close(), s.writer.c.Close(), s.lock.unlock())
	})
	return s.closed
}
