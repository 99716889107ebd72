package sqlitestore

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ncruces/go-sqlite3/util/vfsutil"
	"github.com/ncruces/go-sqlite3/vfs"
)

// disk is a VFS that records what is written to the files of one directory, so that a test can tell
// what is left of them if the power fails at any moment.
type disk struct {
	vfs.VFS

	mu      sync.Mutex
	ops     []diskOp
	fail    error  // what writes and syncs return, if it is not nil
	only    string // the file that fails; all if it is empty
	refused int    // writes and syncs that have failed

	opened func(file string) // called with each file that is opened; may be nil
}

// setFail makes writes and syncs fail, or succeed again.
func (d *disk) setFail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail = err
}

// setFailOf does it for one file.
func (d *disk) setFailOf(file string, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fail, d.only = err, file
}

func (d *disk) failure(file string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.only != "" && d.only != file {
		return nil
	}
	if d.fail != nil {
		d.refused++
	}
	return d.fail
}

// diskOp is a write, a change of the size, a sync or a deletion of a file; or, without a file, a
// mark of the test.
type diskOp struct {
	file string
	kind diskKind
	off  int64
	data []byte // of a write
	mark string
}

type diskKind uint8

const (
	diskWrite diskKind = iota
	diskTruncate
	diskSync
	diskDelete
	diskMark
)

// newDisk registers a disk under a name that is unregistered at the end of the test.
func newDisk(t *testing.T, name string) *disk {
	t.Helper()
	d := &disk{VFS: vfs.Find("")}
	vfs.Register(name, gather{d})
	t.Cleanup(func() { vfs.Unregister(name) })
	return d
}

func (d *disk) record(op diskOp) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ops = append(d.ops, op)
}

// mark notes that something has happened in the test.
func (d *disk) mark(text string) { d.record(diskOp{kind: diskMark, mark: text}) }

func (d *disk) Open(name string, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpen(d.VFS, name, flags)
	return d.wrap(name, f, flags, err)
}

func (d *disk) OpenFilename(name *vfs.Filename, flags vfs.OpenFlag) (vfs.File, vfs.OpenFlag, error) {
	f, flags, err := vfsutil.WrapOpenFilename(d.VFS, name, flags)
	return d.wrap(name.String(), f, flags, err)
}

func (d *disk) wrap(name string, f vfs.File, flags vfs.OpenFlag, err error) (vfs.File, vfs.OpenFlag, error) {
	if err != nil {
		return f, flags, err
	}
	if d.opened != nil {
		d.opened(filepath.Base(name))
	}
	return &diskFile{File: f, d: d, name: filepath.Base(name)}, flags, nil
}

func (d *disk) Delete(path string, syncDir bool) error {
	d.record(diskOp{file: filepath.Base(path), kind: diskDelete})
	return d.VFS.Delete(path, syncDir)
}

// diskFile is a file of a disk.
type diskFile struct {
	vfs.File
	d    *disk
	name string
}

func (f *diskFile) Unwrap() vfs.File { return f.File }

func (f *diskFile) SharedMemory() vfs.SharedMemory { return vfsutil.WrapSharedMemory(f.File) }

func (f *diskFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.d.failure(f.name); err != nil {
		return 0, err
	}
	f.d.record(diskOp{file: f.name, off: off, data: append([]byte(nil), p...)})
	return f.File.WriteAt(p, off)
}

func (f *diskFile) Truncate(size int64) error {
	f.d.record(diskOp{file: f.name, kind: diskTruncate, off: size})
	return f.File.Truncate(size)
}

func (f *diskFile) Sync(flags vfs.SyncFlag) error {
	if err := f.d.failure(f.name); err != nil {
		return err
	}
	if err := f.File.Sync(flags); err != nil {
		return err
	}
	f.d.record(diskOp{file: f.name, kind: diskSync})
	return nil
}

// image is what is on a disk: the content of files by their names.
type image map[string][]byte

func (m image) write(file string, off int64, p []byte) {
	b := m[file]
	if need := int(off) + len(p); need > len(b) {
		b = append(b, make([]byte, need-len(b))...)
	}
	copy(b[off:], p)
	m[file] = b
}

func (m image) apply(op *diskOp) {
	switch op.kind {
	case diskWrite:
		m.write(op.file, op.off, op.data)
	case diskTruncate:
		b := m[op.file]
		if int(op.off) <= len(b) {
			m[op.file] = b[:op.off]
		} else {
			m.write(op.file, op.off, nil)
		}
	case diskDelete:
		delete(m, op.file)
	case diskSync, diskMark:
	}
}

// sector is what a disk writes as a whole.
const sector = 512

// loss is what happens to the writes that were not synced when the power fails.
type loss uint8

const (
	loseAll  loss = iota // none has reached the disk
	loseNone             // all have, but of the last one only a part
	loseSome             // some have, in any order, in parts
	numLosses
)

// crash returns what is on the disk if the power fails before the operation n, and the marks that
// were made until then.
func (d *disk) crash(n int, how loss, r *rand.Rand) (m image, marks []string) {
	m = make(image)
	open := make(map[string][]*diskOp) // not synced, by file
	for i := range d.ops[:n] {
		op := &d.ops[i]
		switch op.kind {
		case diskMark:
			marks = append(marks, op.mark)
		case diskSync:
			for _, o := range open[op.file] {
				m.apply(o)
			}
			open[op.file] = nil
		case diskDelete: // together with the directory, at once
			open[op.file] = nil
			m.apply(op)
		case diskWrite, diskTruncate:
			open[op.file] = append(open[op.file], op)
		}
	}
	for _, ops := range open {
		for i, op := range ops {
			m.lose(op, how, i == len(ops)-1, r)
		}
	}
	return m, marks
}

// lose applies what is left of an operation that was not synced.
func (m image) lose(op *diskOp, how loss, last bool, r *rand.Rand) {
	switch {
	case how == loseAll || how == loseSome && r.IntN(3) == 0:
	case op.kind != diskWrite || how == loseNone && !last || how == loseSome && r.IntN(2) == 0:
		m.apply(op)
	case how == loseNone:
		m.write(op.file, op.off, op.data[:r.IntN(len(op.data)+1)])
	default:
		for at := 0; at < len(op.data); at += sector {
			if r.IntN(2) == 0 {
				m.write(op.file, op.off+int64(at), op.data[at:min(at+sector, len(op.data))])
			}
		}
	}
}

// restore writes the files of an image into a directory and returns the path of the database.
func (m image) restore(t *testing.T, dir string) string {
	t.Helper()
	for name, content := range m {
		if strings.HasSuffix(name, "-shm") {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "plans.db")
}
