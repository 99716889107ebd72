//go:build !linux

package redistest

import "syscall"

// processAttributes returns nil: only on Linux is the server ended when the test binary dies.
func processAttributes() *syscall.SysProcAttr { return nil }
