//go:build unix

package disk

import (
	"errors"
	"os"
	"syscall"
)

// TryLock locks a file unless it is locked. The lock ends when the file is closed.
func TryLock(file *os.File) (locked bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
