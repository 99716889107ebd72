package proctest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// logTail is the number of lines of a server's log that a failure shows.
const logTail = 25

// Process is one run of a server, from its start to its end.
type Process struct {
	cmd *exec.Cmd
	log string // path of the file that receives stdout and stderr

	// done is closed by the goroutine that waits for the process, when the process has ended.
	done chan struct{}
}

// Start starts the binary at path with args in dir, until the end of the test at the latest. What
// the process prints is appended to the file logPath. The process outlives the test's context,
// because cleanups of the test may still need the server.
func Start(t testing.TB, path, dir, logPath string, args []string) *Process {
	t.Helper()
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatalf("proctest: opening the server's log: %v", err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, logFile, logFile
	cmd.SysProcAttr = processAttributes()
	err = cmd.Start()
	if closeErr := logFile.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		t.Fatalf("proctest: starting %s: %v", path, err)
	}
	p := &Process{cmd: cmd, log: logPath, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // a server that was killed always ends with an error
	}()
	t.Cleanup(p.Kill)
	return p
}

// PID returns the id of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended reports whether the process has ended.
func (p *Process) Ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// Signal sends sig to the process, which must not have ended.
func (p *Process) Signal(sig syscall.Signal) error {
	if p.Ended() {
		return fmt.Errorf("signal %v: process %d has ended", sig, p.PID())
	}
	return p.cmd.Process.Signal(sig)
}

// Kill ends the process and its children immediately, even if they are frozen, and waits until the
// process has ended.
func (p *Process) Kill() {
	if !p.Ended() {
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // fails only when the process has ended just now
	}
	<-p.done
}

// Tail returns the last lines of the log, for failure messages.
func (p *Process) Tail() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return fmt.Sprintf("(no log: %v)", err)
	}
	lines := strings.Split(strings.TrimSpace(string(content)), "\n")
	if len(lines) > logTail {
		lines = lines[len(lines)-logTail:]
	}
	return strings.Join(lines, "\n")
}

// PortTaken reports whether the process ended because another process listens on its port.
func (p *Process) PortTaken() bool {
	if !p.Ended() {
		return false
	}
	tail := strings.ToLower(p.Tail())
	return strings.Contains(tail, "address already in use") || strings.Contains(tail, "address in use")
}
