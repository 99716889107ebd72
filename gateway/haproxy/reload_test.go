package haproxy_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
)

// TestReloadKeepsChangesAway switches a tenant by another gateway during a reload: the map file
// must not change before the new process has taken over.
func TestReloadKeepsChangesAway(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	one, other := f.gateway(t, haproxy.Config{}), f.gateway(t, haproxy.Config{})
	var reloaded, early atomic.Bool
	var once sync.Once
	saving := make(chan struct{})
	f.OnCall(func(call string) {
		switch call {
		case "save":
			once.Do(func() { close(saving) })
		case "push":
			early.Store(early.Load() || !reloaded.Load())
		}
	})
	switched := make(chan error, 1)
	err := one.Reload(t.Context(), f.Name(0), func(ctx context.Context) error {
		go func() { switched <- other.Switch(ctx, fleettest.ToBlue("acme")) }()
		<-saving
		f.Proxies[0].Reload()
		reloaded.Store(true)
		return nil
	})
	if err := errors.Join(err, <-switched); err != nil {
		t.Fatal(err)
	}
	if early.Load() {
		t.Error("the map file was written during the reload")
	}
	f.WantColour(t, "acme", gatewaytest.Blue)
}

// TestReloadBringsUpToDate has a process that has read a map file that is behind.
func TestReloadBringsUpToDate(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g := f.gateway(t, haproxy.Config{})
	if err := g.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	err := g.Reload(t.Context(), f.Name(0), func(context.Context) error {
		defer f.Proxies[0].Reload()
		return gateway.ReplaceFile(f.Proxies[0].MapFile, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	f.WantColour(t, "acme", gatewaytest.Blue)
}

func TestReloadThatFails(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g := f.gateway(t, haproxy.Config{Timeout: 300 * time.Millisecond})
	idle := func(context.Context) error { return nil }
	if err := g.Reload(t.Context(), f.Name(0), idle); err == nil || !strings.Contains(err.Error(), "the old process still answers") {
		t.Errorf("without a new process: %v", err)
	}
	broken := errors.New("systemctl: exit status 1")
	if err := g.Reload(t.Context(), f.Name(0), func(context.Context) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if err := g.Reload(t.Context(), "lb-9", idle); !errors.Is(err, gateway.ErrSetup) || !strings.Contains(err.Error(), "lb-9") {
		t.Errorf("of an unknown instance: %v", err)
	}
	f.Kill(t, 0)
	called := false
	if err := g.Reload(t.Context(), f.Name(0), func(context.Context) error { called = true; return nil }); err == nil || called {
		t.Errorf("of a dead instance: %v, called: %v", err, called)
	}
}

// plainTable is a table without locks.
type plainTable struct{ gateway.Table }

func TestReloadNeedsALock(t *testing.T) {
	t.Parallel()
	g, err := haproxy.New(haproxy.Config{
		Table: plainTable{gateway.NewFileTable(t.TempDir() + "/table")}, Fleet: haproxy.Fixed(haproxy.Instance{Name: "lb-1"}), Map: "routes.map",
	})
	if err != nil {
		t.Fatal(err)
	}
	err = g.Reload(t.Context(), "lb-1", func(context.Context) error { return errors.New("called") })
	if !errors.Is(err, gateway.ErrSetup) || !strings.Contains(err.Error(), "plainTable") {
		t.Errorf("%v", err)
	}
}

// TestReloadOutlastsTheOldProcess has an old process that answers once more after the new one has.
func TestReloadOutlastsTheOldProcess(t *testing.T) {
	t.Parallel()
	const old, leaving, other = "Pid: 1\n", "Pid: 1\nStopping: 1\n", "Pid: 2\n"
	processes := []string{old, old, other, leaving, other, old, other}
	var looks atomic.Int64
	socket := serve(t, func(command string) string {
		switch {
		case strings.HasPrefix(command, "show info"):
			i := min(int(looks.Add(1)), len(processes)) - 1
			return "Name: HAProxy\nVersion: 2.6.12\n" + processes[i] + "\n"
		case strings.HasPrefix(command, "show backend"):
			return "# name\nblue\ngreen\n\n"
		}
		return "\n"
	})
	g, err := haproxy.New(haproxy.Config{
		Table: gateway.NewFileTable(t.TempDir() + "/table"), Map: "routes.map",
		Fleet: haproxy.Fixed(haproxy.Instance{Name: "lb-1", Socket: socket}),
		Push:  func(context.Context, haproxy.Instance, []byte) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Reload(t.Context(), "lb-1", func(context.Context) error { return nil }); err != nil {
		t.Error(err)
	}
	if n := looks.Load(); n < int64(len(processes)) {
		t.Errorf("%d looks", n)
	}
}
