package proctest

import "syscall"

// processAttributes makes the kernel kill the server if the test binary dies without running its
// cleanups, because of a panic or a timeout.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
