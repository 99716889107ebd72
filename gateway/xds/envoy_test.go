//go:build envoy

package xds_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/internal/proctest"
)

// envoy is a real Envoy with the bootstrap of docs/gateways.md.
type envoy struct {
	Address string
	t       *testing.T
	front   *front
	binary  string
	dir     string
	process *proctest.Process // nil while it is dead
}

func startEnvoy(t *testing.T, binary, name string, control *front) *envoy {
	t.Helper()
	e := &envoy{Address: proctest.Address(proctest.FreePort(t)), t: t, front: control, binary: binary, dir: t.TempDir()}
	host, port, _ := strings.Cut(e.Address, ":")
	managerHost, managerPort, _ := strings.Cut(control.address(), ":")
	own := strings.NewReplacer(
		"id: edge-1", "id: "+name, "10.0.0.5", managerHost, "18000", managerPort, "0.0.0.0", host, "8080", port,
	).Replace(fleettest.Documented(t, "yaml"))
	if err := os.WriteFile(filepath.Join(e.dir, "envoy.yaml"), []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	e.Start()
	return e
}

func (e *envoy) URL() string { return "http://" + e.Address + "/" }

func (e *envoy) Ask(ctx context.Context, tenant string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return ask(ctx, e.URL(), tenant)
}

// Start starts a process, which opens its listener when it has routes.
func (e *envoy) Start() {
	e.t.Helper()
	args := []string{"-c", "envoy.yaml", "--use-dynamic-base-id", "--concurrency", "1", "--log-level", "warning"}
	e.process = proctest.Start(e.t, e.binary, e.dir, filepath.Join(e.dir, "log"), args)
}

func (e *envoy) Kill() {
	if e.process != nil {
		e.process.Kill()
		e.process = nil
	}
}

// Reload restarts the process. Envoy reads its bootstrap at no other time.
func (e *envoy) Reload() {
	e.t.Helper()
	e.Kill()
	e.Start()
}

func (e *envoy) awaitRoutes() {
	e.t.Helper()
	if e.process == nil {
		return
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, err := e.Ask(e.t.Context(), "nobody")
		if err == nil {
			return
		}
		if e.process.Ended() || time.Now().After(deadline) {
			e.t.Fatalf("%s does not answer: %v\n%s", e.binary, err, e.process.Tail())
		}
	}
}

// loseAnswer cuts the next connection on which a node says something.
func (e *envoy) loseAnswer() (happened func() bool) { return e.front.cutNext() }

// TestEnvoy runs the suite on the envoy of the path. Debian has none, so `make envoy` runs it where
// somebody has installed one.
func TestEnvoy(t *testing.T) {
	binary, err := exec.LookPath("envoy")
	if err != nil {
		t.Fatal(err)
	}
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start: func(t *testing.T, instances int) gatewaytest.Fleet {
			t.Helper()
			f := newFleet(t)
			f.start = func(name string) node { return startEnvoy(t, binary, name, f.front) }
			for range instances {
				f.Join(t)
			}
			return f
		},
		Unknown: gatewaytest.Green,
		Many:    many,
	})
}

// cutNext drops what a client says next, and its connection. happened reports whether it has.
func (f *front) cutNext() (happened func() bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cut = true
	return func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return !f.cut
	}
}
