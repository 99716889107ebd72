package disk

import (
	"errors"
	"os"
	"syscall"
)

// Sync makes the content of a file durable, with its length, and nothing else: the times of the
// file would be one more write.
func Sync(file *os.File) error {
	for {
		if err := syscall.Fdatasync(int(file.Fd())); !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
