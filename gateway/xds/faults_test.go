package xds_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/gateway/internal/fleettest"
	"github.com/cutover-go/cutover/gateway/xds"
	"github.com/cutover-go/cutover/internal/proctest"
)

// vainTimeout is for gateways that wait in vain: longer than anything else takes on a busy machine.
const vainTimeout = 6 * time.Second

// TestRefusedRevision has one node of two that refuses a revision: the switch fails at once with
// the node and what it said, is put back, and the revision is not sent again and again.
func TestRefusedRevision(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	g, _ := f.serve(t, xds.Config{})
	var mu sync.Mutex
	refused := map[string]int{}
	f.edges[1].set(func() {
		f.edges[1].refuse = func(typeURL, version string) string {
			if typeURL != resource.RouteType || version == "cutover/0" {
				return ""
			}
			mu.Lock()
			defer mu.Unlock()
			refused[version]++
			return "no memory left for\nroutes"
		}
	})
	f.awaitRoutes()
	began := time.Now()
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", "node edge-1 refuses revision 1 (RouteConfiguration): no memory left for routes", "put back")
	var nack *xds.RefusedError
	if !errors.Is(err, xds.ErrRefused) || !errors.Is(err, gateway.ErrSetup) || !errors.As(err, &nack) || nack.Node != "edge-1" || nack.Rev != 1 {
		t.Errorf("%v: %+v", err, nack)
	}
	if took := time.Since(began); took > 15*time.Second {
		t.Errorf("it took %v to say so", took)
	}
	for i := range f.edges {
		if colour, err := f.Ask(t.Context(), i, "acme"); colour != gatewaytest.Green || err != nil {
			t.Errorf("%s answers by %q, %v", f.Name(i), colour, err)
		}
	}
	states, err := g.Nodes(t.Context())
	if err != nil || len(states) != 2 || states[0].Refused != nil || states[1].Refused == nil || states[1].Acked != 0 || states[1].Pushed != 2 {
		t.Errorf("%+v, %v", states, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if refused["cutover/1"] != 1 || refused["cutover/2"] != 1 {
		t.Errorf("it was sent %v", refused)
	}
}

// TestRefusedClusters has a node that refuses what comes with the routes.
func TestRefusedClusters(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.clusters[1] = cluster(t, gatewaytest.Blue, proctest.Address(proctest.FreePort(t))) // or the old clusters would serve the new routes
	g, _ := f.serve(t, xds.Config{})
	f.edges[0].set(func() {
		f.edges[0].refuse = func(typeURL, version string) string {
			if typeURL == resource.ClusterType && version != "cutover/0" {
				return "unknown field"
			}
			return ""
		}
	})
	f.awaitRoutes()
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", "edge-0 refuses revision 1 (Cluster): unknown field")
}

// TestFrozenNode has a node that holds all its connections open and answers nothing.
func TestFrozenNode(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 3)
	g, _ := f.serve(t, xds.Config{Timeout: vainTimeout})
	f.awaitRoutes()
	for _, e := range f.edges {
		e.set(func() { e.lag = 0 })
	}
	f.edges[1].Freeze()
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_TIMEOUT", "on 2 of 3 proxies", "edge-1", "put back")
	f.WantColour(t, "acme", gatewaytest.Green)
	f.edges[1].Thaw()
	change := fleettest.ToBlue("acme")
	change.Token = 2
	if err := g.Switch(t.Context(), change); err != nil {
		t.Error(err)
	}
	f.wantAll(t, "acme", gatewaytest.Blue)
}

// TestAcknowledgedIsNotApplied has a node that acknowledges a revision long before it uses it.
func TestAcknowledgedIsNotApplied(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g, _ := f.serve(t, xds.Config{Timeout: vainTimeout})
	f.awaitRoutes()
	f.edges[0].set(func() { f.edges[0].lag = time.Hour })
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, bluegreen.CodeSwitchNotConfirmed, `edge-0 serves "green|0|0"`)
	states, err := g.Nodes(t.Context())
	if err != nil || states[0].Acked != 1 || states[0].Confirmed != 0 {
		t.Errorf("%+v, %v", states, err)
	}
}

// TestRestartInTheMiddle ends the only control plane in the middle of a switch, and starts another
// one: nodes go on with what they have, and are never sent a revision older than the table's or
// their own. The switch is finished.
func TestRestartInTheMiddle(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 2)
	first, stop := f.serve(t, xds.Config{})
	f.awaitRoutes()
	if err := first.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
		t.Fatal(err)
	}
	stop()
	f.wantAll(t, "acme", gatewaytest.Blue)
	f.Kill(t, 1) // loses everything
	f.edges[1].Start()
	ctx, cancel := context.WithCancel(t.Context())
	f.OnCall(func(call string) {
		if call == "probe" { // the table was saved
			cancel()
		}
	})
	if err := first.Switch(ctx, fleettest.ToBlue("beta")); !errors.Is(err, context.Canceled) {
		t.Errorf("beta was switched by a control plane that is gone: %v", err)
	}
	f.OnCall(nil)
	second, _ := f.serve(t, xds.Config{})
	f.awaitRoutes()
	for _, tenant := range []string{"acme", "beta"} {
		if colour, err := second.Current(t.Context(), tenant); colour != gatewaytest.Blue || err != nil {
			t.Errorf("%s is at %q, %v", tenant, colour, err)
		}
		f.wantAll(t, tenant, gatewaytest.Blue)
	}
	_, rev, err := gateway.NewFileTable(f.Table).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range f.edges {
		seen := e.worker.received()
		if last := seen[len(seen)-1]; last != fmt.Sprint("cutover/", rev) {
			t.Errorf("%s was last sent %s; the table is at %d", f.Name(i), last, rev)
		}
		for n := 1; n < len(seen); n++ {
			if len(seen[n]) < len(seen[n-1]) || len(seen[n]) == len(seen[n-1]) && seen[n] < seen[n-1] {
				t.Errorf("%s was sent %v", f.Name(i), seen)
			}
		}
	}
	if seen := f.edges[1].worker.received(); seen[0] != fmt.Sprint("cutover/", rev) {
		t.Errorf("after a restart edge-1 was first sent %s; the table is at %d", seen[0], rev)
	}
}

// TestLostTable checks that nodes which have a later revision than the table are sent nothing.
func TestLostTable(t *testing.T) {
	t.Parallel()
	for name, restart := range map[string]bool{"while it runs": false, "before a restart": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFleet(t, 1)
			g, stop := f.serve(t, xds.Config{})
			if err := g.Switch(t.Context(), fleettest.ToBlue("acme")); err != nil {
				t.Fatal(err)
			}
			if restart {
				stop()
			}
			if err := os.Remove(f.Table); err != nil {
				t.Fatal(err)
			}
			if restart {
				g, _ = f.serve(t, xds.Config{})
				f.awaitConnected(t, g, "edge-0")
			}
			_, err := g.Current(t.Context(), "acme")
			fleettest.WantFailure(t, err, "GATEWAY_BAD_ANSWER", "revision 1")
			f.WantColour(t, "acme", gatewaytest.Blue)
		})
	}
}

// TestNodeThatAsksForOtherRoutes checks that an acknowledgement of nothing does not count.
func TestNodeThatAsksForOtherRoutes(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g, _ := f.serve(t, xds.Config{RouteConfig: "customers"})
	f.awaitConnected(t, g, "edge-0")
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", "expected node edge-0 to ask for the route configuration \"customers\"", "tenants")
}

// TestNodeThatIsNotConnected checks that the error says so.
func TestNodeThatIsNotConnected(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	f.Listed[0].Name = "edge-7"
	g, _ := f.serve(t, xds.Config{Timeout: vainTimeout})
	f.awaitRoutes()
	f.edges[0].set(func() { f.edges[0].lag = time.Hour })
	err := g.Switch(t.Context(), fleettest.ToBlue("acme"))
	fleettest.WantFailure(t, err, bluegreen.CodeSwitchNotConfirmed, "edge-7", "the node is not connected")
	if !errors.Is(err, xds.ErrNotConnected) {
		t.Errorf("%v does not match ErrNotConnected", err)
	}
	states, err := g.Nodes(t.Context())
	if err != nil || len(states) != 2 || states[0].Connected || !states[0].Listed || states[1].Node != "edge-0" || states[1].Listed {
		t.Errorf("%+v, %v", states, err)
	}
}

// TestOtherHosts checks requests that name a tenant with a port, a final dot or in upper case, by
// the gateway's own prober.
func TestOtherHosts(t *testing.T) {
	t.Parallel()
	f := startFleet(t, 1)
	g, err := xds.New(xds.Config{
		Table: f.NewTable(), Fleet: f.List, Clusters: f.clusters, Suffix: ".acme.example", Header: "x-colour",
	})
	if err != nil {
		t.Fatal(err)
	}
	f.attach(t, g)
	_, err = g.Current(t.Context(), "beta")
	fleettest.WantFailure(t, err, "TENANT_NOT_FOUND")
	err = g.Switch(t.Context(), fleettest.ToBlue("a:b"))
	fleettest.WantFailure(t, err, "GATEWAY_REFUSED", `the domain "a:b.acme.example" contains ':'`)
	table := gateway.NewFileTable(f.Table)
	if _, err := table.Save(t.Context(), gateway.Rows{"beta": {Colour: gatewaytest.Green, Rev: 1}}, 0); err != nil {
		t.Fatal(err)
	}
	if err := g.Switch(t.Context(), fleettest.ToBlue("beta")); err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"beta.acme.example", "BETA.acme.example", "beta.acme.example:8080", "beta.acme.example."} {
		f.WantColour(t, host, gatewaytest.Blue)
	}
	if colour, err := f.Ask(t.Context(), 0, "gamma.acme.example"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a host that is no tenant is answered by %q, %v", colour, err)
	}
}
