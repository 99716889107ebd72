package nginx_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/gateway/nginx"
	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/proxytest"
)

func TestMain(m *testing.M) {
	abreast.Tests(3)
	goleak.VerifyTestMain(m)
}

// fleet is a fleet of nginx instances and one table. It implements [gatewaytest.Fleet].
type fleet struct {
	*fleettest.Fleet[*proxytest.Nginx, nginx.Instance]
	push   func(context.Context, nginx.Instance, []byte) error // nil for nginx.Local
	losing []*atomic.Bool                                      // the next push to an instance takes effect and fails
}

func startFleet(t *testing.T, instances int) *fleet {
	t.Helper()
	f := &fleet{Fleet: fleettest.New[*proxytest.Nginx](t, "nginx", func(i nginx.Instance) string { return i.Name })}
	for range instances {
		f.Join(t)
	}
	return f
}

func (f *fleet) Join(t *testing.T) int {
	t.Helper()
	h := proxytest.StartNginx(t, gatewaytest.Green, gatewaytest.Blue)
	f.losing = append(f.losing, &atomic.Bool{})
	i := len(f.Proxies)
	f.Add(h, nginx.Instance{Name: f.Name(i), URL: h.URL(), MapFile: h.MapFile, ConfigFile: h.Config, Prefix: h.Dir})
	return i
}

// LoseAnswer makes the next push fail after it has taken effect.
func (f *fleet) LoseAnswer(t *testing.T, i int) func() bool {
	t.Helper()
	f.losing[i].Store(true)
	return func() bool { return !f.losing[i].Load() }
}

func (f *fleet) Gateway(t *testing.T, timeout time.Duration) bluegreen.Gateway {
	t.Helper()
	return fleettest.Run(t, f.gateway(t, nginx.Config{Timeout: timeout}))
}

// gateway returns a gateway that is not running.
func (f *fleet) gateway(t *testing.T, c nginx.Config) *nginx.Gateway {
	t.Helper()
	c.Table, c.Prober, c.Fleet, c.Default = f.NewTable(), f.NewProber(t), f.List, gatewaytest.Green
	push := f.push
	if push == nil {
		push = nginx.Local(f.Proxies[0].Binary())
	}
	c.Push = func(ctx context.Context, i nginx.Instance, content []byte) error {
		f.Called("push")
		err := push(ctx, i, content)
		if f.loses(i) {
			return errors.Join(err, errors.New("connection reset"))
		}
		return err
	}
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

func TestConformance(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start:   func(t *testing.T, instances int) gatewaytest.Fleet { t.Helper(); return startFleet(t, instances) },
		Unknown: gatewaytest.Green,
		Lag:     5 * time.Second, // the old workers of a busy machine
		Many:    proxytest.Many(),
	})
}
