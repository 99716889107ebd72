package nginx_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/nginx"
	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/task"
)

// BenchmarkSwitch measures the time from a call of Switch to its return, and how often nginx is
// reloaded: for one tenant now and then, for one tenant after the other, and for many at once.
func BenchmarkSwitch(b *testing.B) {
	for name, c := range map[string]struct {
		tenants int
		rest    time.Duration // before each switch
	}{
		"rested":    {1, 1100 * time.Millisecond},
		"in-a-row":  {1, 0},
		"a-hundred": {100, 0},
	} {
		b.Run(name, func(b *testing.B) {
			g, reloads := startGateway(b)
			from, to := gatewaytest.Green, gatewaytest.Blue
			var slowest time.Duration
			for token := task.Token(1); b.Loop(); token++ {
				time.Sleep(c.rest)
				slowest = max(slowest, switchAll(b, g, c.tenants, bluegreen.Change{From: from, To: to, Token: token, Key: "k"}))
				from, to = to, from
			}
			b.ReportMetric(slowest.Seconds(), "s-slowest")
			b.ReportMetric(float64(reloads.Load())/b.Elapsed().Seconds(), "reloads/s")
		})
	}
}

// startGateway returns a gateway over an nginx of its own, and the number of reloads.
func startGateway(b *testing.B) (*nginx.Gateway, *atomic.Int64) {
	b.Helper()
	n := proxytest.StartNginx(b, gatewaytest.Green, gatewaytest.Blue)
	reloads := &atomic.Int64{}
	local := nginx.Local(n.Binary())
	g, err := nginx.New(nginx.Config{
		Table: gateway.NewFileTable(b.TempDir() + "/table"), Default: gatewaytest.Green,
		Fleet: nginx.Fixed(nginx.Instance{Name: "web-1", URL: n.URL(), MapFile: n.MapFile, ConfigFile: n.Config, Prefix: n.Dir}),
		Push: func(ctx context.Context, i nginx.Instance, content []byte) error {
			reloads.Add(1)
			return local(ctx, i, content)
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	return g, reloads
}

// switchAll makes a change of many tenants at once, and returns how long that took.
func switchAll(b *testing.B, g *nginx.Gateway, tenants int, c bluegreen.Change) time.Duration {
	b.Helper()
	began := time.Now()
	var all sync.WaitGroup
	for i := range tenants {
		all.Go(func() {
			c := c
			c.TenantID = fmt.Sprintf("tenant-%d", i)
			if err := g.Switch(b.Context(), c); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	return time.Since(began)
}
