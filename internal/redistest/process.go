package redistest

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

// process is one run of redis-server, from its start to its end. Each restart of a Server starts a
// new process.
type process struct {
	cmd *exec.Cmd
	log string // path of the file that receives stdout and stderr

	// done is closed by the goroutine that waits for the process, when the process has ended.
	done chan struct{}
}

// startProcess starts path with args in dir. The process outlives the test's
// context, because cleanups of the test may still need the server.
func startProcess(t testing.TB, path, dir, logPath string, args []string) *process {
	t.Helper()
	logFile, err := os.OpenFile(logPath, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatalf("redistest: opening the server's log: %v", err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, logFile, logFile
	cmd.SysProcAttr = processAttributes()
	err = cmd.Start()
	if closeErr := logFile.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		t.Fatalf("redistest: starting %s: %v", path, err)
	}
	p := &process{cmd: cmd, log: logPath, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		_ = cmd.Wait() // a server that was killed always ends with an error
	}()
	return p
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ended reports whether the process has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// signal sends sig to the process, which must not have ended.
func (p *process) signal(sig syscall.Signal) error {
	if p.ended() {
		return fmt.Errorf("signal %v: process %d has ended", sig, p.pid())
	}
	return p.cmd.Process.Signal(sig)
}

// kill ends the process immediately, even if it is frozen, and waits until it has ended.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only when the process has ended already
	<-p.done
}

// tail returns the last lines of the log, for failure messages.
func (p *process) tail() string {
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

// portTaken reports whether the process ended because another process listens on its port.
func (p *process) portTaken() bool {
	return p.ended() && strings.Contains(p.tail(), "Address already in use")
}
