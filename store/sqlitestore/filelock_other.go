//go:build !unix

package sqlitestore

import (
	"errors"
	"os"
)

// lockSuffix makes the name of the lock file.
const lockSuffix = "-lock"

// fileLock is a file beside the database that other processes cannot delete while it is open.
type fileLock struct{ file *os.File }

// lockFile takes the lock of a database, or returns an *InUseError. The file is deleted first,
// which Windows refuses while a process has it open.
func lockFile(path string) (*fileLock, error) {
	if err := os.Remove(path + lockSuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, &InUseError{File: path}
	}
	f, err := os.OpenFile(path+lockSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, &InUseError{File: path}
	}
	return &fileLock{f}, nil
}

// unlock lets the next process open the database.
func (l *fileLock) unlock() error { return l.file.Close() }

// links cannot tell here how many names a file has.
func links(os.FileInfo) int { return 1 }
