package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/haproxy"
)

//go:embed haproxy.cfg
var configuration string

// errNoHAProxy is the error on a machine without HAProxy.
var errNoHAProxy = errors.New("this example needs HAProxy 2.4 or later; install it, for instance by " +
	"\"apt-get install haproxy\", or give its path by -haproxy")

// find returns the path of the program. Debian keeps it in sbin, which is not on every user's PATH.
func find(name string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no program %s: %w", name, errNoHAProxy)
}

// proxy is an HAProxy in front of two servers that answer with their colour.
type proxy struct {
	Address, Socket, MapFile string
	Servers                  map[string]string // the address of each colour's server

	dir     string
	servers []*httptest.Server
	process *exec.Cmd
	output  strings.Builder
	ended   chan struct{}
}

// startProxy starts HAProxy and waits until it answers.
func startProxy(ctx context.Context, program string) (p *proxy, err error) {
	p = &proxy{Servers: map[string]string{}}
	defer func() {
		if err != nil {
			p.stop()
		}
	}()
	if p.dir, err = os.MkdirTemp("", "cutover"); err != nil {
		return nil, err
	}
	p.Socket, p.MapFile = filepath.Join(p.dir, "admin.sock"), filepath.Join(p.dir, "routes.map")
	for _, colour := range []string{"green", "blue"} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, colour) }))
		p.servers = append(p.servers, server)
		p.Servers[colour] = server.Listener.Addr().String()
	}
	if p.Address, err = freeAddress(ctx); err != nil {
		return nil, err
	}
	if err := p.configure(); err != nil {
		return nil, err
	}
	p.process = exec.CommandContext(context.WithoutCancel(ctx), program, "-db", "-f", filepath.Join(p.dir, "haproxy.cfg"))
	p.process.Stdout, p.process.Stderr = &p.output, &p.output
	if err := p.process.Start(); err != nil {
		return nil, err
	}
	p.ended = make(chan struct{})
	go func() {
		defer close(p.ended)
		_ = p.process.Wait() // it is killed in the end
	}()
	return p, p.awaitStart(ctx)
}

// configure writes the configuration and an empty map.
func (p *proxy) configure() error {
	var text strings.Builder
	if err := template.Must(template.New("").Parse(configuration)).Execute(&text, p); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(p.MapFile, nil, 0o600),
		os.WriteFile(filepath.Join(p.dir, "haproxy.cfg"), []byte(text.String()), 0o600),
	)
}

func (p *proxy) awaitStart(ctx context.Context) error {
	for deadline := time.Now().Add(20 * time.Second); ; {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", p.Address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("HAProxy has ended: %s", p.output.String())
		case <-time.After(20 * time.Millisecond):
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return err
		}
	}
}

// stop ends HAProxy and the servers.
func (p *proxy) stop() {
	if p.ended != nil {
		_ = p.process.Process.Kill() // fails only if it has ended
		<-p.ended
	}
	for _, server := range p.servers {
		server.Close()
	}
	_ = os.RemoveAll(p.dir)
}

// gateway returns the gateway over the proxy.
func (p *proxy) gateway() (*haproxy.Gateway, error) {
	return haproxy.New(haproxy.Config{
		Table: gateway.NewFileTable(filepath.Join(p.dir, "routes")),
		Fleet: haproxy.Fixed(haproxy.Instance{
			Name: "lb-1", Socket: p.Socket, URL: "http://" + p.Address + "/", MapFile: p.MapFile,
		}),
		Map:     p.MapFile,
		Default: "green",
	})
}

// freeAddress returns a loopback address on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
