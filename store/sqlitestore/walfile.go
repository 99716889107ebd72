package sqlitestore

import (
	"errors"
	"syscall"

	"github.com/ncruces/go-sqlite3"
	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// defaultVFS is the name of the VFS of files: the system's, with gathered writes.
const defaultVFS = "cutover"

func init() { vfs.Register(defaultVFS, gather{vfs.Find("")}) } //nolint:gochecknoinits // SQLite finds it by its name

// gather is a VFS that writes what a commit appends to the WAL at once, when SQLite synchronizes
// the file: SQLite writes each page and its header by themselves. Nobody reads any of it before:
// SQLite tells other connections of new pages when they are on the disk.
type gather struct{ vfs.VFS }

// Open implements vfs.VFS.
func (g gather) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := vfsutil.WrapOpen(g.VFS, name, flags)
	return gathered(f, flags), out, err
}

// OpenFilename implements vfs.VFSFilename.
func (g gather) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, out, err := vfsutil.WrapOpenFilename(g.VFS, name, flags)
	return gathered(f, flags), out, err
}

func gathered(f vfs.File, flags vfs.OpenFlag) vfs.File {
	if f != nil && flags&vfs.OPEN_WAL != 0 {
		return &walFile{File: f}
	}
	return f
}

// maxGathered is how many bytes are gathered before they are written.
const maxGathered = 1 << 20

// walFile is a WAL. buf is to be written at the offset at.
type walFile struct {
	vfs.File
	buf []byte
	at  int64
}

// write writes what was gathered. An error is that of a write, also while SQLite synchronizes: only
// after a failed sync nobody knows what is on the disk.
func (f *walFile) write() error {
	if len(f.buf) == 0 {
		return nil
	}
	_, err := f.File.WriteAt(f.buf, f.at)
	if f.buf = f.buf[:0]; err == nil {
		return nil
	}
	var code sqlite3.ErrorCode
	var extended sqlite3.ExtendedErrorCode
	switch {
	case errors.As(err, &code) || errors.As(err, &extended):
		return err
	case errors.Is(err, syscall.ENOSPC):
		return vfs.SystemError(err, sqlite3.FULL)
	}
	return vfs.SystemError(err, sqlite3.IOERR_WRITE)
}

// WriteAt implements io.WriterAt.
func (f *walFile) WriteAt(p []byte, off int64) (int, error) {
	if len(f.buf) > 0 && (off != f.at+int64(len(f.buf)) || len(f.buf)+len(p) > maxGathered) {
		if err := f.write(); err != nil {
			return 0, err
		}
	}
	if len(f.buf) == 0 {
		f.at = off
	}
	f.buf = append(f.buf, p...)
	return len(p), nil
}

// ReadAt implements io.ReaderAt.
func (f *walFile) ReadAt(p []byte, off int64) (int, error) {
	if err := f.write(); err != nil {
		return 0, err
	}
	return f.File.ReadAt(p, off)
}

// Truncate implements vfs.File.
func (f *walFile) Truncate(size int64) error {
	if err := f.write(); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// Sync implements vfs.File.
func (f *walFile) Sync(flags vfs.SyncFlag) error {
	if err := f.write(); err != nil {
		return err
	}
	return f.File.Sync(flags)
}

// Size implements vfs.File.
func (f *walFile) Size() (int64, error) {
	if err := f.write(); err != nil {
		return 0, err
	}
	return f.File.Size()
}

// Close implements io.Closer.
func (f *walFile) Close() error { return errors.Join(f.write(), f.File.Close()) }
