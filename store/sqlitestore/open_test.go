package sqlitestore

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"

	"github.com/cutover-go/cutover/internal/proctest"
	"github.com/cutover-go/cutover/store"
)

// scribble runs SQL on a file that no store has open.
func scribble(t testing.TB, path, sql string) {
	t.Helper()
	c, err := sqlite3.Open("file:" + path)
	if err == nil {
		err = errors.Join(c.Exec(sql), c.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// closed returns the path of a file in which a plan of three tasks runs.
func closed(t *testing.T) string {
	t.Helper()
	path := newFile(t)
	s := open(t, path, Config{})
	start(t, s, 3)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestOpenRefuses: a file that cannot be worked on is refused at once, with what is wrong with it,
// and is left as it was.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
		as   any
	}{
		"a text": {func(t *testing.T, path string) {
			t.Helper()
			write(t, path, strings.Repeat("this is no database\n", 100))
		}, "is no database", new(*FileError)},
		"another database": {func(t *testing.T, path string) {
			t.Helper()
			scribble(t, path, "CREATE TABLE t (x)")
		}, "another program", new(*FileError)},
		"a directory": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "no regular file", new(*FileError)},
		"a newer layout": {func(t *testing.T, path string) {
			t.Helper()
			scribble(t, path, fmt.Sprintf("CREATE TABLE t (x); PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, layout+1))
		}, fmt.Sprintf("has version %d of the tables, this library has version %d: a newer library", layout+1, layout), new(*VersionError)},
		"an older layout": {func(t *testing.T, path string) {
			t.Helper()
			scribble(t, path, fmt.Sprintf("CREATE TABLE t (x); PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, layout-1))
		}, "begin a new file", new(*VersionError)},
		"a lost table": {func(t *testing.T, path string) {
			t.Helper()
			other := closed(t)
			scribble(t, other, "DROP TABLE wave")
			copyFile(t, other, path)
		}, "has lost its table wave", new(*FileError)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := newFile(t)
			c.make(t, path)
			before := read(t, path)
			s, err := Open(t.Context(), path, Config{})
			if err == nil {
				t.Fatal(s.Close())
			}
			if !errors.As(err, c.as) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) || store.Temporary(err) {
				t.Errorf("error %v, want one of type %T with %q", err, c.as, c.want)
			}
			if name != "a lost table" && read(t, path) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read returns the content of a file, empty for a directory.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if info, bad := os.Stat(path); err != nil && (bad != nil || !info.IsDir()) {
		t.Fatal(err)
	}
	return string(text)
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	write(t, to, read(t, from))
}

// TestOpenArguments: arguments that make no sense are refused, all at once.
func TestOpenArguments(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), "", Config{Readers: -1})
	if invalid := new(InvalidError); !errors.As(err, &invalid) || len(invalid.Faults) != 2 {
		t.Errorf("error %v, want an InvalidError with two faults", err)
	}
	for path, want := range map[string]string{":memory:": "store/memstore", "file:plans.db?mode=ro": "is a URI"} {
		s, err := Open(t.Context(), path, Config{})
		if invalid := new(InvalidError); !errors.As(err, &invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want an InvalidError with %q", path, err, want)
		}
		if err == nil {
			_ = s.Close()
			_ = os.Remove(path)
		}
	}
	_, err = Open(t.Context(), filepath.Join(t.TempDir(), "no directory", "plans.db"), Config{})
	if file := new(FileError); !errors.As(err, &file) {
		t.Errorf("error %v, want a FileError", err)
	}
}

// TestOpenReadOnly: a file that cannot be written is refused. It runs as another user if it is
// started by root, who may write to every file.
func TestOpenReadOnly(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		proctest.RunAsNobody(t)
		return
	}
	path := closed(t)
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), path, Config{}); !strings.Contains(fmt.Sprint(err), "cannot be opened for writing") {
		t.Errorf("error %v", err)
	}
}

// TestOpenTwice: a second store on the file is refused as long as the first is open, and learns who
// has it.
func TestOpenTwice(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	first := open(t, path, Config{})
	for range 2 {
		_, err := Open(t.Context(), path, Config{})
		inUse := new(InUseError)
		if !errors.As(err, &inUse) || !strings.Contains(inUse.Holder, fmt.Sprint("process ", os.Getpid(), " on ")) || store.Temporary(err) {
			t.Errorf("error %v, want one that names this process", err)
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, Config{})
}

// TestOpenByAnotherName: a link leads to the same lock, and a file with two names is refused.
func TestOpenByAnotherName(t *testing.T) {
	t.Parallel()
	path, dir := closed(t), t.TempDir()
	soft, hard := filepath.Join(dir, "soft.db"), filepath.Join(dir, "hard.db")
	if err := os.Symlink(path, soft); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, Config{})
	if _, err := Open(t.Context(), soft, Config{}); !errors.As(err, new(*InUseError)) {
		t.Errorf("by a link: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	o := operate(t, open(t, soft, Config{}))
	o.ID = 1
	o.Claim("worker", 1)
	o.OK(o.Close())
	if err := os.Link(path, hard); err != nil {
		t.Skip(err)
	}
	if _, err := Open(t.Context(), hard, Config{}); err == nil || !strings.Contains(err.Error(), "more than one name") {
		t.Errorf("a file with two names: %v", err)
	}
}

// TestOpenInTwoProcesses: the same for another process, which may end in any way.
func TestOpenInTwoProcesses(t *testing.T) {
	t.Parallel()
	path := closed(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), "SQLITESTORE_CHILD="+path)
	pipe, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pipe.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), path, Config{})
	if inUse := new(InUseError); !errors.As(err, &inUse) || !strings.Contains(inUse.Holder, fmt.Sprint("process ", cmd.Process.Pid, " on ")) {
		t.Errorf("error %v, want one that names process %d", err, cmd.Process.Pid)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	open(t, path, Config{})
}

// TestClosed: calls of a store that was closed fail at once, and Close may be called again.
func TestClosed(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	o := create(t, s, 1)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Plan(t.Context(), o.ID); !errors.Is(err, ErrClosed) {
		t.Errorf("a query: %v", err)
	}
	if err := s.Commit(t.Context(), &store.Batch{Plan: o.ID}); !errors.Is(err, ErrClosed) || store.Temporary(err) {
		t.Errorf("a commit: %v", err)
	}
	if err := s.Backup(t.Context(), newFile(t)); !errors.Is(err, ErrClosed) {
		t.Errorf("a backup: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestPragmas: the settings on which the promises rest are those that SQLite says it has.
func TestPragmas(t *testing.T) {
	t.Parallel()
	s := open(t, newFile(t), Config{})
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "synchronous": "2", "wal_autocheckpoint": "10000", "application_id": fmt.Sprint(applicationID), "user_version": fmt.Sprint(layout),
	} {
		err := s.writer.write(t.Context(), func(tx *tx) error {
			_, err := tx.one("PRAGMA "+pragma, nil, func(r row) {
				if got := r.ColumnText(0); got != want {
					t.Errorf("%s is %s, want %s", pragma, got, want)
				}
			})
			return err
		})
		if err != nil {
			t.Error(err)
		}
	}
	if err := s.readers.read(t.Context(), func(c *conn) error { return c.exec("DELETE FROM plan") }); err == nil {
		t.Error("a reader can write")
	}
}
