//go:build !linux

package proctest

import "syscall"

// processAttributes makes the server lead a process group of its own, so that its children can be
// killed with it. Only on Linux does the kernel kill the server if the test binary dies.
func processAttributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
