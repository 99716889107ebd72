package nginx_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/nginx"
	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// TestMain runs more tests at once than there are processors, because they wait for nginx most of
// the time.
func TestMain(m *testing.M) {
	const tests = 6
	flag.Parse()
	if n, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String()); err == nil && n < tests {
		_ = flag.Set("test.parallel", strconv.Itoa(tests))
	}
	goleak.VerifyTestMain(m)
}

// fleet is a fleet of nginx instances and one table. It implements [gatewaytest.Fleet].
type fleet struct {
	table   string
	push    func(context.Context, nginx.Instance, []byte) error // nil for nginx.Local
	proxies []*proxytest.Nginx
	losing  []*atomic.Bool // the next push to an instance takes effect and fails
	onCall  atomic.Pointer[func(string)]

	mu     sync.Mutex
	listed []nginx.Instance
}

func startFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	f := &fleet{table: filepath.Join(t.TempDir(), "table")}
	for range instances {
		f.Join(t)
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	h := proxytest.StartNginx(t, gatewaytest.Green, gatewaytest.Blue)
	f.proxies, f.losing = append(f.proxies, h), append(f.losing, &atomic.Bool{})
	i := len(f.proxies) - 1
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = append(f.listed, nginx.Instance{
		Name: f.Name(i), URL: h.URL(), MapFile: h.MapFile, ConfigFile: h.Config, Prefix: h.Dir,
	})
	return i
}

func (f *fleet) Leave(t *testing.T, i int) {
	t.Helper()
	f.mu.Lock()
	f.listed = slices.DeleteFunc(slices.Clone(f.listed), func(in nginx.Instance) bool { return in.Name == f.Name(i) })
	f.mu.Unlock()
	f.Kill(t, i)
}

func (f *fleet) Name(i int) string { return fmt.Sprintf("nginx-%d", i) }

func (f *fleet) Place(*testing.T, ...string) {} // tenants without a row are at Green

func (f *fleet) Ask(ctx context.Context, i int, tenant string) (string, error) {
	return f.proxies[i].Ask(ctx, tenant)
}

func (f *fleet) Kill(t *testing.T, i int) { t.Helper(); f.proxies[i].Kill() }

func (f *fleet) Start(t *testing.T, i int) { t.Helper(); f.proxies[i].Start() }

func (f *fleet) Reload(t *testing.T, i int) { t.Helper(); f.proxies[i].Reload() }

// LoseAnswer makes the next push fail after it has taken effect.
func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	f.losing[i].Store(true)
	return func() bool { return !f.losing[i].Load() }
}

func (f *fleet) OnCall(call func(string)) { f.onCall.Store(&call) }

func (f *fleet) called(call string) {
	if on := f.onCall.Load(); on != nil && *on != nil {
		(*on)(call)
	}
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	g := f.gateway(t, nginx.Config{Timeout: timeout})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = g.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return g
}

// gateway returns a gateway that is not running.
func (f *fleet) gateway(t *testing.T, c nginx.Config) *nginx.Gateway {
	t.Helper()
	prober, err := httpprobe.New(httpprobe.Config{
		Version:       httpprobe.Header("X-Route"),
		Headers:       func(ep probe.Endpoint) http.Header { return http.Header{"X-Tenant": {ep.ID}} },
		AllowLoopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	c.Table = observedTable{gateway.NewFileTable(f.table), f}
	c.Prober = observedProber{prober, f}
	c.Fleet = func(context.Context) ([]nginx.Instance, error) {
		f.called("list")
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.Clone(f.listed), nil
	}
	push := f.push
	if push == nil {
		push = nginx.Local(f.proxies[0].Binary())
	}
	c.Push = func(ctx context.Context, i nginx.Instance, content []byte) error {
		f.called("push")
		err := push(ctx, i, content)
		if f.loses(i) {
			return errors.Join(err, errors.New("connection reset"))
		}
		return err
	}
	c.Default = gatewaytest.Green
	g, err := nginx.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// loses reports whether the answer of a push is lost, once.
func (f *fleet) loses(in nginx.Instance) bool {
	for i := range f.losing {
		if f.Name(i) == in.Name {
			return f.losing[i].CompareAndSwap(true, false)
		}
	}
	return false
}

// observedTable is a table that reports calls to the fleet.
type observedTable struct {
	*gateway.FileTable
	fleet *fleet
}

func (o observedTable) Load(ctx context.Context) (gateway.Rows, uint64, error) {
	o.fleet.called("load")
	return o.FileTable.Load(ctx)
}

func (o observedTable) Save(ctx context.Context, rows gateway.Rows, ifRev uint64) (uint64, error) {
	o.fleet.called("save")
	return o.FileTable.Save(ctx, rows, ifRev)
}

type observedProber struct {
	probe.Prober
	fleet *fleet
}

func (o observedProber) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	o.fleet.called("probe")
	return o.Prober.Probe(ctx, ep)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start:   func(t *testing.T, instances int) gatewaytest.Fleet { t.Helper(); return startFleet(t, instances) },
		Unknown: gatewaytest.Green,
		Lag:     5 * time.Second, // the old workers of a busy machine
		Many:    proxytest.Many(),
	})
}
