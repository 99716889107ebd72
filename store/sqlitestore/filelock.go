//go:build unix

package sqlitestore

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lockSuffix makes the name of the lock file. It stays when the store is closed: a file that was
// deleted can still be locked by a process that had it open, and two processes would go on.
const lockSuffix = "-lock"

// fileLock is an flock on a file beside the database. The operating system drops it when the
// process ends, however it does.
type fileLock struct{ file *os.File }

// lockFile takes the lock of a database, or returns an *InUseError that names who has it.
func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, &FileError{path, "its lock file cannot be opened", err}
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(refused(path, f, err), f.Close())
	}
	host, err := os.Hostname()
	if err != nil {
		host = "an unknown host"
	}
	holder := fmt.Sprintf("process %d on %s\n", os.Getpid(), host)
	if err := errors.Join(f.Truncate(0), writeAt(f, holder)); err != nil {
		return nil, errors.Join(&FileError{path, "its lock file cannot be written", err}, f.Close())
	}
	return &fileLock{f}, nil
}

// refused returns the error for a lock that cannot be taken.
func refused(path string, f *os.File, err error) error {
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return &FileError{path, "cannot be locked", err}
	}
	holder := make([]byte, 512)
	n, _ := f.ReadAt(holder, 0) // empty if it is being written
	return &InUseError{File: path, Holder: strings.TrimSpace(string(holder[:n]))}
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// unlock lets the next process open the database. To close the file is not enough: a child that is
// being started has it, too, for a moment.
func (l *fileLock) unlock() error {
	return errors.Join(syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// links returns how many names a file has.
func links(info os.FileInfo) int {
	if s, is := info.Sys().(*syscall.Stat_t); is {
		return int(s.Nlink)
	}
	return 1
}
