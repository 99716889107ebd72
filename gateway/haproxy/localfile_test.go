package haproxy_test

import (
	"testing"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/task"
)

// TestConformanceOfTheLocalFile is the suite on map files that the gateway writes by itself.
func TestConformanceOfTheLocalFile(t *testing.T) {
	t.Parallel()
	gatewaytest.Run(t, gatewaytest.Suite{
		Start: func(t *testing.T, instances int) gatewaytest.Fleet {
			t.Helper()
			f := startFleet(t, instances)
			f.ownFile = true
			return f
		},
		Unknown: gatewaytest.Green,
		Many:    2000,
	})
}

// TestRestartReadsTheLastRow restarts HAProxy after each of some changes in one file. Nothing but
// the file tells it the routes.
func TestRestartReadsTheLastRow(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.ownFile = true
	g := f.gateway(t, haproxy.Config{})
	colours := []string{gatewaytest.Green, gatewaytest.Blue}
	for i := range 7 {
		for _, tenant := range []string{"acme", "beta", "gamma"}[:1+i%3] {
			from, err := g.Current(t.Context(), tenant)
			if err != nil {
				t.Fatal(err)
			}
			to := colours[0]
			if from == to {
				to = colours[1]
			}
			if err := g.Switch(t.Context(), bluegreen.Change{TenantID: tenant, From: from, To: to, Token: task.Token(i + 1), Key: "k"}); err != nil {
				t.Fatal(err)
			}
			if i < 4 {
				continue
			}
			f.Proxies[0].Kill()
			f.Proxies[0].Start()
			f.WantColour(t, tenant, to)
		}
	}
}
