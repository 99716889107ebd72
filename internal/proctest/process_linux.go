package proctest

import "syscall"

// processAttributes makes the kernel kill the server if the test binary dies without running its
// cleanups, because of a panic or a timeout. The server leads a process group of its own, so that
// its children can be killed with it.
func processAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
