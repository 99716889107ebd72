//go:build gatewayproof

package gatewayproof

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor/bluegreen/bluegreentest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/internal/proctest"
	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/internal/redistest"
)

const (
	green = "green"
	blue  = "blue"
)

// timeout bounds every wait. It is much longer than any wait takes, because the machine may be
// busy.
const timeout = 4 * time.Minute

// site is what the proof runs on: proxies, servers, Redis, the tenant service and engines.
type site struct {
	*testing.T
	tenants []string
	proxies []*proxytest.HAProxy
	orders  orders
	engine  *cutover.Engine  // sends commands and runs no tasks
	gateway *haproxy.Gateway // for reloads
	engines int
	faults  []fault
}

func newSite(t *testing.T, tenants int) *site {
	t.Helper()
	s := &site{T: t}
	statuses := make([]bluegreentest.Tenant, tenants)
	for i := range tenants {
		s.tenants = append(s.tenants, fmt.Sprintf("tenant-%d", i))
		statuses[i] = bluegreentest.Tenant{ID: s.tenants[i], Status: "GREEN", Colour: green}
	}
	servers := map[string]string{green: s.server(green), blue: s.server(blue)}
	for range 2 {
		s.proxies = append(s.proxies, startProxy(t, servers))
	}
	service := httptest.NewServer(bluegreentest.NewWorld(statuses...).Tenants())
	t.Cleanup(service.Close)
	dir := t.TempDir()
	s.orders = orders{
		Redis: redistest.Start(t).Addr(), Tenants: service.URL, Map: s.proxies[0].Map,
		Table: filepath.Join(dir, "table"), Ledger: filepath.Join(dir, "ledger"),
	}
	for i, h := range s.proxies {
		s.orders.Fleet = append(s.orders.Fleet, haproxy.Instance{Name: fmt.Sprintf("haproxy-%d", i), Socket: h.Socket, URL: h.URL(), MapFile: h.MapFile})
	}
	l, err := openLedger(s.orders.Ledger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.file.Close() })
	if s.gateway, err = s.orders.gateway(); err != nil {
		t.Fatal(err)
	}
	store, closeStore, err := s.orders.openStore(t.Context())
	t.Cleanup(closeStore)
	if err != nil {
		t.Fatal(err)
	}
	if s.engine, err = cutover.New(store, cutover.Config{}); err != nil {
		t.Fatal(err)
	}
	return s
}

// server starts a server that answers everything with its colour.
func (s *site) server(colour string) (address string) {
	s.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, colour) }))
	s.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// startProxy starts an HAProxy whose colours are servers.
func startProxy(t *testing.T, servers map[string]string) *proxytest.HAProxy {
	t.Helper()
	h := proxytest.StartHAProxy(t, green, blue)
	h.Kill()
	for colour, address := range servers {
		h.Edit("http-request return status 200 content-type text/plain string "+colour, "server "+colour+"-1 "+address)
	}
	h.Start()
	return h
}

// startEngine starts an engine in a process of its own.
func (s *site) startEngine() *proctest.Process {
	s.Helper()
	s.engines++
	o := s.orders
	o.Name = fmt.Sprintf("engine-%d", s.engines)
	text, err := json.Marshal(o)
	if err != nil {
		s.Fatal(err)
	}
	dir := filepath.Dir(s.orders.Ledger)
	return proctest.Start(s.T, os.Args[0], dir, filepath.Join(dir, o.Name+".log"), []string{engineArg, string(text)})
}
