package proxytest

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"

	"github.com/cutover-go/cutover/internal/proctest"
)

//go:embed nginx.conf
var nginxConfig string

// Nginx is one nginx of one test. Reloads and restarts change neither its port nor its files.
type Nginx struct {
	Address string // of the data path
	Dir     string // the prefix
	Config  string // the path of the configuration
	Map     string // the name of the map file in the configuration
	MapFile string // its path
	Colours []string
	Missing string // the colour of a tenant that is not in the map

	t       testing.TB
	binary  string
	process *proctest.Process
}

// StartNginx starts an nginx with an empty map and waits until it answers. Tenants that are not in
// the map go to the first colour.
func StartNginx(t testing.TB, colours ...string) *Nginx {
	t.Helper()
	n := &Nginx{t: t, binary: binary(t, "nginx"), Dir: directory(t), Colours: colours, Missing: colours[0], Map: "routes.map"}
	n.Config, n.MapFile = filepath.Join(n.Dir, "nginx.conf"), filepath.Join(n.Dir, n.Map)
	if err := os.WriteFile(n.MapFile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// Workers of an nginx that root has started are nobody, and use the sockets of the backends.
	if err := os.Chmod(n.Dir, 0o755); err != nil { //nolint:gosec // see above
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(n.Dir, "tmp"), 0o700); err != nil {
		t.Fatal(err)
	}
	for try := 1; ; try++ {
		n.Address = proctest.Address(proctest.FreePort(t))
		n.configure()
		err := n.start()
		if err == nil {
			return n
		}
		if !n.process.PortTaken() || try == startTries {
			t.Fatalf("proxytest: starting nginx: %v\n%s", err, n.process.Tail())
		}
	}
}

func (n *Nginx) configure() {
	n.t.Helper()
	var text strings.Builder
	if err := template.Must(template.New("").Parse(nginxConfig)).Execute(&text, n); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(n.Config, []byte(text.String()), 0o600); err != nil {
		n.t.Fatal(err)
	}
}

// start starts a process. A killed nginx leaves its unix sockets behind, which the next one would
// find in use.
func (n *Nginx) start() error {
	n.t.Helper()
	for _, colour := range n.Colours {
		_ = os.Remove(filepath.Join(n.Dir, colour+".sock"))
	}
	n.process = proctest.Start(n.t, n.binary, n.Dir, filepath.Join(n.Dir, "log"), []string{"-p", n.Dir, "-c", n.Config})
	return await(n.ready, n.process.Ended)
}

// ready returns nil if the process of the last start answers.
func (n *Nginx) ready() error {
	if _, err := ask(context.Background(), n.URL(), ""); err != nil {
		return err
	}
	pid, err := os.ReadFile(filepath.Join(n.Dir, "nginx.pid"))
	if err == nil && strings.TrimSpace(string(pid)) != strconv.Itoa(n.process.PID()) {
		err = fmt.Errorf("process %s answers, want %d", pid, n.process.PID())
	}
	return err
}

// URL returns the address of the data path.
func (n *Nginx) URL() string { return "http://" + n.Address + "/" }

// Binary returns the path of the program.
func (n *Nginx) Binary() string { return n.binary }

// Kill ends nginx with its workers, as a crash of the machine does.
func (n *Nginx) Kill() { n.process.Kill() }

// Start starts an nginx that was killed again, and waits until it answers.
func (n *Nginx) Start() {
	n.t.Helper()
	var err error
	for range startTries {
		if err = n.start(); err == nil || !n.process.PortTaken() {
			break
		}
	}
	if err != nil {
		n.t.Fatalf("proxytest: starting nginx again: %v\n%s", err, n.process.Tail())
	}
}

// Reload makes nginx read its configuration. It returns when the signal was sent.
func (n *Nginx) Reload() {
	n.t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(n.t.Context()), n.binary, "-p", n.Dir, "-c", n.Config, "-s", "reload")
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("proxytest: reloading nginx: %v\n%s", err, out)
	}
}

// Edit replaces a part of the configuration, which must have it. The next reload or start reads
// that.
func (n *Nginx) Edit(old, to string) {
	n.t.Helper()
	edit(n.t, n.Config, old, to)
}

// Configuration returns the current configuration.
func (n *Nginx) Configuration() string {
	n.t.Helper()
	content, err := os.ReadFile(n.Config)
	if err != nil {
		n.t.Fatal(err)
	}
	return string(content)
}

// Ask sends a request of one tenant over a new connection and returns the colour that answered. It
// may be called from any goroutine.
func (n *Nginx) Ask(ctx context.Context, tenant string) (string, error) {
	return ask(ctx, n.URL(), tenant)
}
