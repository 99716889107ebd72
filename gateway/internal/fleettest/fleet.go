// Package fleettest has what the tests of the gateways over proxies share: the part of a
// [gatewaytest.Fleet] that is the same for every kind of proxy, and checks of what a gateway makes
// of a proxy that is not set up as it expects.
package fleettest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Proxy is a proxy of package proxytest.
type Proxy interface {
	Ask(ctx context.Context, tenant string) (colour string, err error)
	Kill()
	Start()
	Reload()
}

// Fleet is a fleet of proxies of one kind and one table. I is what a gateway is told of a proxy.
type Fleet[P Proxy, I any] struct {
	Table   string // the path
	Proxies []P
	// Listed are the instances that gateways see. Tests change them before a gateway does.
	Listed []I

	kind   string
	name   func(I) string
	mu     sync.Mutex // of Listed
	onCall atomic.Pointer[func(string)]
}

// New returns a fleet without proxies. name returns the name of an instance.
func New[P Proxy, I any](t testing.TB, kind string, name func(I) string) *Fleet[P, I] {
	t.Helper()
	return &Fleet[P, I]{Table: filepath.Join(t.TempDir(), "table"), kind: kind, name: name}
}

// Add adds a proxy, and the instance of it that gateways see.
func (f *Fleet[P, I]) Add(p P, i I) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Proxies, f.Listed = append(f.Proxies, p), append(f.Listed, i)
}

// List is the function that a gateway gets.
func (f *Fleet[P, I]) List(context.Context) ([]I, error) {
	f.Called("list")
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.Listed), nil
}

// The following methods are those of [gatewaytest.Fleet].

// Name returns the name of an instance.
func (f *Fleet[P, I]) Name(i int) string { return fmt.Sprintf("%s-%d", f.kind, i) }

// Place has nothing to do: tenants without a row are at the default colour.
func (f *Fleet[P, I]) Place(*testing.T, ...string) {}

// Ask sends a request of a tenant through one instance.
func (f *Fleet[P, I]) Ask(ctx context.Context, i int, tenant string) (string, error) {
	return f.Proxies[i].Ask(ctx, tenant)
}

// Kill ends an instance.
func (f *Fleet[P, I]) Kill(t *testing.T, i int) { t.Helper(); f.Proxies[i].Kill() }

// Start starts a killed instance again.
func (f *Fleet[P, I]) Start(t *testing.T, i int) { t.Helper(); f.Proxies[i].Start() }

// Reload makes an instance read its configuration again.
func (f *Fleet[P, I]) Reload(t *testing.T, i int) { t.Helper(); f.Proxies[i].Reload() }

// Leave removes an instance and kills it.
func (f *Fleet[P, I]) Leave(t *testing.T, i int) {
	t.Helper()
	f.mu.Lock()
	f.Listed = slices.DeleteFunc(slices.Clone(f.Listed), func(in I) bool { return f.name(in) == f.Name(i) })
	f.mu.Unlock()
	f.Kill(t, i)
}

// OnCall sets the function that Called calls.
func (f *Fleet[P, I]) OnCall(call func(string)) { f.onCall.Store(&call) }

// Called reports a call that a gateway makes to the outside.
func (f *Fleet[P, I]) Called(call string) {
	if on := f.onCall.Load(); on != nil && *on != nil {
		(*on)(call)
	}
}

// NewTable returns a table for one gateway, which reports its calls.
func (f *Fleet[P, I]) NewTable() gateway.Locker {
	return observedTable{gateway.NewFileTable(f.Table), f.Called}
}

// NewProber returns a prober for one gateway, which reports its calls.
func (f *Fleet[P, I]) NewProber(t testing.TB) probe.Prober {
	t.Helper()
	prober, err := control.NewProber()
	if err != nil {
		t.Fatal(err)
	}
	return f.Observed(prober)
}

// Observed returns a prober that reports its calls. It asks series if the prober does.
func (f *Fleet[P, I]) Observed(prober probe.Prober) probe.Prober {
	one := observedProber{prober, f.Called}
	if series, ok := prober.(probe.Series); ok {
		return observedSeries{one, series}
	}
	return one
}

type observedTable struct {
	*gateway.FileTable
	called func(string)
}

func (o observedTable) Load(ctx context.Context) (gateway.Rows, uint64, error) {
	o.called("load")
	return o.FileTable.Load(ctx)
}

func (o observedTable) Save(ctx context.Context, rows gateway.Rows, ifRev uint64) (uint64, error) {
	o.called("save")
	return o.FileTable.Save(ctx, rows, ifRev)
}

func (o observedTable) Update(ctx context.Context, changed gateway.Rows, ifRev uint64) (uint64, error) {
	o.called("save")
	return o.FileTable.Update(ctx, changed, ifRev)
}

type observedProber struct {
	prober probe.Prober
	called func(string)
}

func (o observedProber) Probe(ctx context.Context, ep probe.Endpoint) (probe.Observation, error) {
	o.called("probe")
	return o.prober.Probe(ctx, ep)
}

type observedSeries struct {
	observedProber
	series probe.Series
}

func (o observedSeries) ProbeSeries(ctx context.Context, eps []probe.Endpoint) []probe.Result {
	o.called("probe")
	return o.series.ProbeSeries(ctx, eps)
}

// Runner is a gateway over proxies.
type Runner interface {
	bluegreen.Gateway
	Run(ctx context.Context) error
}

// Run runs a gateway until the end of the test, and returns it.
func Run(t *testing.T, g Runner) Runner {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	var running sync.WaitGroup
	running.Go(func() { _ = g.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return g
}
