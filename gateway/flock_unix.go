//go:build unix

package gateway

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file unless it is locked. The lock ends when the file is closed.
func tryLock(file *os.File) (locked bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
