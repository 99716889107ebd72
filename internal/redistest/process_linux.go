package redistest

import "syscall"

// processAttributes makes the kernel end the server when the test binary dies
// without running its cleanups, by a panic or a timeout.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
