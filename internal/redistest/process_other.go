//go:build !linux

package redistest

import "syscall"

// processAttributes has nothing to add where the kernel cannot tie a process to
// the life of its parent.
func processAttributes() *syscall.SysProcAttr { return nil }
