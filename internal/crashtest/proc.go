//go:build crash

package crashtest

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

// OrdersEnv names the environment variable with the orders of a worker process.
const OrdersEnv = "CUTOVER_CRASH_ORDERS"

// Proc is a worker process.
type Proc struct {
	t      testing.TB
	Orders Orders
	cmd    *exec.Cmd
	alive  io.Closer     // its standard input: the worker exits when this closes
	Ended  chan struct{} // closed when the process has ended
	output string
}

// StartProc starts a worker with orders; whole is what it is given, the orders among it. When the
// test ends, it kills the worker if the worker still runs.
func StartProc(t testing.TB, dir string, o Orders, whole any) *Proc {
	t.Helper()
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proc{t: t, Orders: o, Ended: make(chan struct{}), output: filepath.Join(dir, o.Name+".out")}
	out, err := os.OpenFile(p.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Close() }()
	p.cmd = exec.CommandContext(context.WithoutCancel(t.Context()), cmp.Or(o.Build, os.Args[0]))
	p.cmd.Env = append(os.Environ(), OrdersEnv+"="+string(text))
	p.cmd.Stdout, p.cmd.Stderr = out, out
	if p.alive, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.Ended)
		_ = p.cmd.Wait() // a killed process always ends with an error
	}()
	t.Cleanup(p.Kill)
	return p
}

// Kill ends the process as a crash does, and waits until it has ended.
func (p *Proc) Kill() {
	_ = p.cmd.Process.Kill() // fails only if the process has already ended
	<-p.Ended
	_ = p.alive.Close()
}

// Signal sends a signal to the process, which must not have ended.
func (p *Proc) Signal(sig syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("%s: %v: %v\n%s", p.Orders.Name, sig, err, p.Said())
	}
}

// Freeze stops the process.
func (p *Proc) Freeze() { p.t.Helper(); p.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen process go on.
func (p *Proc) Thaw() { p.t.Helper(); p.Signal(syscall.SIGCONT) }

// Stop asks the process to shut down, waits for its end and expects exit status 0.
func (p *Proc) Stop() {
	p.t.Helper()
	p.Signal(syscall.SIGTERM)
	p.AwaitSuccess()
}

// AwaitSuccess waits until the process has ended, and expects exit status 0.
func (p *Proc) AwaitSuccess() {
	p.t.Helper()
	p.AwaitEnd()
	if !p.cmd.ProcessState.Success() {
		p.t.Errorf("%s: ended with %v\n%s", p.Orders.Name, p.cmd.ProcessState, p.Said())
	}
}

// AwaitEnd waits until the process has ended.
func (p *Proc) AwaitEnd() {
	p.t.Helper()
	select {
	case <-p.Ended:
	case <-time.After(Timeout):
		p.t.Fatalf("%s does not end\n%s", p.Orders.Name, p.Said())
	}
}

// AwaitFrozen waits until the process is stopped, as by SIGSTOP.
func (p *Proc) AwaitFrozen() {
	p.t.Helper()
	for end := time.Now().Add(Timeout); ; time.Sleep(20 * time.Millisecond) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if fields := strings.Fields(string(stat)); err == nil && len(fields) > 2 && fields[2] == "T" {
			return
		}
		if p.Over() || time.Now().After(end) {
			p.t.Fatalf("%s does not freeze: %v\n%s", p.Orders.Name, err, p.Said())
		}
	}
}

// Over reports whether the process has ended.
func (p *Proc) Over() bool {
	select {
	case <-p.Ended:
		return true
	default:
		return false
	}
}

// Said returns the last 4 KiB that the process has printed.
func (p *Proc) Said() string {
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4096):])
}
