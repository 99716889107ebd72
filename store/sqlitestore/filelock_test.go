//go:build unix

package sqlitestore

import (
	"syscall"
	"testing"
)

// TestLockEndsWithStore: a closed file can be opened again at once, although a child that is being
// started has a descriptor of its lock still.
func TestLockEndsWithStore(t *testing.T) {
	t.Parallel()
	path := newFile(t)
	l, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	child, err := syscall.Dup(int(l.file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(child) }()
	if err := l.unlock(); err != nil {
		t.Fatal(err)
	}
	next, err := lockFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.unlock(); err != nil {
		t.Error(err)
	}
}
