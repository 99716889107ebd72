//go:build !linux

package proctest

import "syscall"

// processAttributes returns nil: only on Linux does the kernel kill the server if the test binary
// dies.
func processAttributes() *syscall.SysProcAttr { return nil }
