package redistable_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/haproxy"
	"github.com/cutover-go/cutover/internal/proxytest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// TestSwitchesOfTwoMachines switches tenants by two gateways whose only common ground is Redis, and
// then all of them back by one that has read nothing.
func TestSwitchesOfTwoMachines(t *testing.T) {
	t.Parallel()
	const tenants = 40
	server := redistest.Start(t)
	h := proxytest.StartHAProxy(t, gatewaytest.Green, gatewaytest.Blue)
	newGateway := func() *haproxy.Gateway {
		g, err := haproxy.New(haproxy.Config{
			Table: newTable(t, server.Client()), Map: h.Map, Default: gatewaytest.Green,
			Fleet: haproxy.Fixed(haproxy.Instance{Name: "lb-1", Socket: h.Socket, URL: h.URL(), MapFile: h.MapFile}),
		})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	one, other := newGateway(), newGateway()
	switchAll := func(from, to string, of func(int) *haproxy.Gateway) {
		var all sync.WaitGroup
		for i, tenant := range many(tenants) {
			all.Go(func() {
				c := bluegreen.Change{TenantID: tenant, From: from, To: to, Token: 1, Key: "k"}
				if err := of(i).Switch(t.Context(), c); err != nil {
					t.Error(err)
				}
				if colour, err := h.Ask(t.Context(), tenant); colour != to || err != nil {
					t.Errorf("%s is answered by %q, %v", tenant, colour, err)
				}
			})
		}
		all.Wait()
	}
	switchAll(gatewaytest.Green, gatewaytest.Blue, func(i int) *haproxy.Gateway { return []*haproxy.Gateway{one, other}[i%2] })
	late := newGateway()
	switchAll(gatewaytest.Blue, gatewaytest.Green, func(int) *haproxy.Gateway { return late })
	if reports, err := one.Reconcile(t.Context()); err != nil || len(reports) != 1 || !reports[0].Confirmed {
		t.Errorf("%+v, %v", reports, err)
	}
	err := other.Reload(t.Context(), "lb-1", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		if unlock, err := newTable(t, server.Client()).LockInstance(ctx, "lb-1"); err == nil {
			t.Error("the instance is not locked during its reload")
			unlock()
		}
		h.Reload()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
