package main

import (
	"bufio"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hang sends a request that never ends, and returns when the program reads its body.
func (p *process) hang() {
	p.t.Helper()
	base, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	connection, err := new(net.Dialer).DialContext(p.t.Context(), "tcp", base.Host)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = connection.Close() })
	const request = "POST /api/plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
	if _, err := connection.Write([]byte(request)); err != nil {
		p.t.Fatal(err)
	}
	if line, err := bufio.NewReader(connection).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		p.t.Fatalf("%q, %v", line, err)
	}
}

// interrupt sends the signal of Ctrl-C, and waits until nobody is served any more.
func (p *process) interrupt() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	base, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		connection, err := new(net.Dialer).DialContext(p.t.Context(), "tcp", base.Host)
		if err != nil {
			return
		}
		_ = connection.Close()
	}
}

// result waits for the end of the program, and returns its state.
func (p *process) result() *os.ProcessState {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if exit := new(exec.ExitError); errors.As(err, &exit) {
			return exit.ProcessState
		}
		return p.cmd.ProcessState
	case <-time.After(time.Minute):
		p.t.Fatal("the program does not end")
		return nil
	}
}

// A shutdown without a request under way is a success. One that has to break off requests is a
// failure, and the program says so by its status.
func TestShutdown(t *testing.T) {
	t.Parallel()
	idle := start(t, "", "-demo")
	idle.interrupt()
	if got := idle.result(); got.ExitCode() != 0 {
		t.Errorf("an idle program ends with %v", got)
	}
	busy := start(t, "", "-demo", "-grace", "100ms")
	busy.hang()
	busy.interrupt()
	if got := busy.result(); got.ExitCode() != 1 {
		t.Errorf("a program that breaks off a request ends with %v", got)
	}
}

// A second Ctrl-C does not wait for anything.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	p := start(t, "", "-demo", "-grace", "1h")
	p.hang()
	p.interrupt()
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	got := p.result()
	if status, is := got.Sys().(syscall.WaitStatus); is && (!status.Signaled() || status.Signal() != syscall.SIGINT) {
		t.Errorf("it ends with %v", got)
	}
}
