//go:build !linux

package redistest

import "syscall"

// processAttributes returns nil: only Linux kills the server if the test binary dies.
func processAttributes() *syscall.SysProcAttr { return nil }
