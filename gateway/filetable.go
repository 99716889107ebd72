package gateway

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// FileTable is a [Table] in a file of this machine, for processes that run on the same machine. It
// is locked by flock on a second file, PATH.lock, and replaced by rename, so that a crash leaves
// the old table or the new one. On systems without flock every call fails.
type FileTable struct {
	path string

	mu   sync.Mutex
	rows Rows // as they were last read or saved, with their revision; 0 if none were
	rev  uint64
}

// NewFileTable returns the table at path. The file need not exist; its directory must.
func NewFileTable(path string) *FileTable { return &FileTable{path: path} }

// tablePrefix begins the first line of the file; the revision and the number of rows follow.
const tablePrefix = "# cutover table 1"

// lockInterval is the time between two tries to lock a table that another process has locked.
const lockInterval = 2 * time.Millisecond

// Load implements [Table].
func (t *FileTable) Load(ctx context.Context) (Rows, uint64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.read()
}

// read returns the table. It parses the file only if its first line has another revision than the
// last time, because no two tables of a path have the same. The caller holds mu.
func (t *FileTable) read() (Rows, uint64, error) {
	file, err := os.Open(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Rows{}, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = file.Close() }()
	content := bufio.NewReader(file) // mostly for the first line alone
	head, err := content.ReadString('\n')
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s: its first line: %w", ErrDamaged, t.path, err)
	}
	rev, count, err := parseHead(head)
	if err == nil && (t.rev != rev || len(t.rows) != count) {
		t.rev = 0
		if t.rows, err = parseRows(content, rev, count); err == nil {
			t.rev = rev
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: %s: %w", ErrDamaged, t.path, err)
	}
	return t.rows, t.rev, nil
}

// Save implements [Table].
func (t *FileTable) Save(ctx context.Context, rows Rows, ifRev uint64) (uint64, error) {
	unlock, err := lockFile(ctx, t.path+".lock")
	if err != nil {
		return 0, err
	}
	defer unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	_, rev, err := t.read()
	if err != nil {
		return 0, err
	}
	if rev != ifRev {
		return 0, fmt.Errorf("%w: %d, not %d", ErrConflict, rev, ifRev)
	}
	if err := ReplaceFile(t.path, formatTable(rows, rev+1)); err != nil {
		return 0, err
	}
	t.rows, t.rev = rows, rev+1
	return t.rev, nil
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
		locked, err := tryLock(file)
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

func formatTable(rows Rows, rev uint64) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s revision %d rows %d\n", tablePrefix, rev, len(rows))
	for _, tenant := range slices.Sorted(maps.Keys(rows)) {
		text.WriteString(tenant + " " + rows[tenant].String() + "\n")
	}
	return text.Bytes()
}

func parseHead(line string) (rev uint64, count int, err error) {
	n, err := fmt.Sscanf(line, tablePrefix+" revision %d rows %d\n", &rev, &count)
	if n != 2 || err != nil || rev == 0 {
		return 0, 0, fmt.Errorf("its first line is %.80q", line)
	}
	return rev, count, nil
}

func parseRows(content io.Reader, rev uint64, count int) (Rows, error) {
	lines := bufio.NewScanner(content)
	lines.Buffer(make([]byte, 64<<10), 64<<10)
	rows := Rows{}
	for lines.Scan() {
		tenant, text, _ := strings.Cut(lines.Text(), " ")
		row, err := ParseRow(text)
		if err == nil {
			err = CheckTenant(tenant)
		}
		if err != nil {
			return nil, err
		}
		if row.Rev > rev {
			return nil, fmt.Errorf("the row of %s has revision %d, the table %d", tenant, row.Rev, rev)
		}
		rows[tenant] = row
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(rows) != count {
		return nil, fmt.Errorf("it has %d rows and should have %d", len(rows), count)
	}
	return rows, nil
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
