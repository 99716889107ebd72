package proxytest

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"
	"time"

	"github.com/cutover-go/cutover/internal/proctest"
)

//go:embed haproxy.cfg
var haproxyConfig string

// startTries is the maximum number of tries to start a server whose port another process takes.
const startTries = 10

// HAProxy is one HAProxy of one test. Reloads and restarts change neither its port nor its files.
type HAProxy struct {
	Address string // of the data path
	Socket  string // of the Runtime API
	Map     string // the name of the map in the configuration
	MapFile string // the path of its file
	Colours []string
	Missing string // the colour of a tenant that is not in the map

	t       testing.TB
	dir     string
	binary  string
	process *proctest.Process
}

// StartHAProxy starts an HAProxy with an empty map and waits until it answers. Tenants that are not
// in the map go to the first colour.
func StartHAProxy(t testing.TB, colours ...string) *HAProxy {
	t.Helper()
	h := &HAProxy{t: t, binary: binary(t, "haproxy"), dir: directory(t), Colours: colours, Missing: colours[0], Map: "routes.map"}
	h.Socket, h.MapFile = filepath.Join(h.dir, "s"), filepath.Join(h.dir, h.Map)
	if err := os.WriteFile(h.MapFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		h.Address = proctest.Address(proctest.FreePort(t))
		h.configure()
		err := h.start()
		if err == nil {
			return h
		}
		if !h.portTaken() || try == startTries {
			t.Fatalf("proxytest: starting HAProxy: %v\n%s", err, h.process.Tail())
		}
	}
}

// configure writes the configuration.
func (h *HAProxy) configure() {
	h.t.Helper()
	var text strings.Builder
	if err := template.Must(template.New("").Parse(haproxyConfig)).Execute(&text, h); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.dir, "haproxy.cfg"), []byte(text.String()), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// Edit replaces a part of the configuration, which must have it. The next process reads that.
func (h *HAProxy) Edit(old, to string) {
	h.t.Helper()
	edit(h.t, filepath.Join(h.dir, "haproxy.cfg"), old, to)
}

func (h *HAProxy) start(args ...string) error {
	h.t.Helper()
	args = append([]string{"-db", "-f", filepath.Join(h.dir, "haproxy.cfg")}, args...)
	h.process = proctest.Start(h.t, h.binary, h.dir, filepath.Join(h.dir, "log"), args)
	return await(h.ready, h.process.Ended)
}

// ready returns nil if the process of the last start answers at the socket.
func (h *HAProxy) ready() error {
	answer, err := h.Call("show info")
	if err != nil {
		return err
	}
	if !strings.Contains(answer, fmt.Sprintf("\nPid: %d\n", h.process.PID())) {
		return fmt.Errorf("another process than %d answers", h.process.PID())
	}
	return nil
}

// Configuration returns the current configuration.
func (h *HAProxy) Configuration() string {
	h.t.Helper()
	content, err := os.ReadFile(filepath.Join(h.dir, "haproxy.cfg"))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(content)
}

// Binary returns the path of the program.
func (h *HAProxy) Binary() string { return h.binary }

// URL returns the address of the data path.
func (h *HAProxy) URL() string { return "http://" + h.Address + "/" }

// PID returns the id of the current process, or of the last one.
func (h *HAProxy) PID() int { return h.process.PID() }

// Kill ends HAProxy as a crash does.
func (h *HAProxy) Kill() { h.process.Kill() }

// Start starts an HAProxy that was killed again, and waits until it answers.
func (h *HAProxy) Start() {
	h.t.Helper()
	h.restart()
}

// Reload starts a new process, which takes over the listeners, and waits until it answers. The old
// one ends when its connections have ended.
func (h *HAProxy) Reload() {
	h.t.Helper()
	h.restart("-x", h.Socket, "-sf", strconv.Itoa(h.process.PID()))
}

// restart starts a process, again if another server has the port for a moment.
func (h *HAProxy) restart(args ...string) {
	h.t.Helper()
	var err error
	for range startTries {
		if err = h.start(args...); err == nil || !h.portTaken() {
			break
		}
	}
	if err != nil {
		h.t.Fatalf("proxytest: starting HAProxy again: %v\n%s", err, h.process.Tail())
	}
}

func (h *HAProxy) portTaken() bool {
	return h.process.PortTaken() || h.process.Ended() && strings.Contains(h.process.Tail(), "cannot bind")
}

// Call sends one line to the Runtime API and returns the answer. It may be called from any
// goroutine.
func (h *HAProxy) Call(line string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "unix", h.Socket)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, line+"\n"); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(conn)
	return string(answer), err
}

// Ask sends a request of one tenant over a new connection and returns the colour that answered. It
// may be called from any goroutine.
func (h *HAProxy) Ask(ctx context.Context, tenant string) (string, error) {
	return ask(ctx, h.URL(), tenant)
}
