//go:build crash

package crash

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// proc is a worker process.
type proc struct {
	t      testing.TB
	orders orders
	cmd    *exec.Cmd
	alive  io.Closer     // its standard input: the worker exits when this closes
	ended  chan struct{} // closed when the process has ended
	output string
}

// startProc starts a worker. When the test ends, it kills the worker if the worker still runs.
func startProc(t testing.TB, dir string, o orders) *proc {
	t.Helper()
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	p := &proc{t: t, orders: o, ended: make(chan struct{}), output: filepath.Join(dir, o.Name+".out")}
	out, err := os.OpenFile(p.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), cmp.Or(o.Build, os.Args[0]))
	p.cmd.Env = append(os.Environ(), ordersEnv+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if p.alive, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.cmd.Wait() // a killed process always ends with an error
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as a crash does, and waits until it has ended.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill() // fails only if the process has already ended
	<-p.ended
	_ = p.alive.Close()
}

func (p *proc) signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%s: %v: %v\n%s", p.orders.Name, sig, err, p.said())
	}
}

func (p *proc) freeze() { p.t.Helper(); p.signal(syscall.SIGSTOP) }
func (p *proc) thaw()   { p.t.Helper(); p.signal(syscall.SIGCONT) }

// stop asks the process to shut down, waits for its end and expects exit status 0.
func (p *proc) stop() {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.awaitEnd()
	if !p.cmd.ProcessState.Success() {
		p.t.Errorf("%s: shut down with %v\n%s", p.orders.Name, p.cmd.ProcessState, p.said())
	}
}

// awaitEnd waits until the process has ended.
func (p *proc) awaitEnd() {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(timeout):
		p.t.Fatalf("%s does not end\n%s", p.orders.Name, p.said())
	}
}

// awaitFrozen waits until the process is stopped, as by SIGSTOP.
func (p *proc) awaitFrozen() {
	p.t.Helper()
	for end := time.Now().Add(timeout); ; time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if fields := strings.Fields(string(stat)); err == nil && len(fields) > 2 && fields[2] == "T" {
			return
		}
		if p.over() || time.Now().After(end) {
			p.t.Fatalf("%s does not freeze: %v\n%s", p.orders.Name, err, p.said())
		}
	}
}

// over reports whether the process has ended.
func (p *proc) over() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// said returns the last 4 KiB that the process has printed.
func (p *proc) said() string {
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}
