package xds

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/cutover-go/cutover/gateway"
)

// TestSnapshot checks that a snapshot made from the last one is the message that the table says.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	b, err := newBuilder(&Config{RouteConfig: "tenants", Suffix: ".acme.example", Header: "x-route", Default: "green", Action: &routev3.RouteAction{
		Timeout: durationpb.New(time.Minute),
	}})
	if err != nil {
		t.Fatal(err)
	}
	rows := gateway.Rows{}
	for rev := uint64(1); rev <= 20; rev++ {
		rows[fmt.Sprint("tenant-", rev%7)] = gateway.Row{Colour: []string{"blue", "green"}[rev%2], Rev: rev, Token: 7}
		if rev%5 == 0 {
			delete(rows, "tenant-1")
		}
		s, err := b.build(rows, rev)
		if err != nil {
			t.Fatal(err)
		}
		want := &routev3.RouteConfiguration{Name: "tenants", IgnorePortInHostMatching: true, VirtualHosts: []*routev3.VirtualHost{
			b.host("*", "*", gateway.Row{Colour: "green"}),
		}}
		for _, tenant := range slices.Sorted(maps.Keys(rows)) {
			want.VirtualHosts = append(want.VirtualHosts, b.host(tenant, tenant+".acme.example", rows[tenant]))
		}
		got := &routev3.RouteConfiguration{}
		if err := s.all[resource.RouteType]["tenants"].UnmarshalTo(got); err != nil || !proto.Equal(got, want) || got.ValidateAll() != nil {
			t.Fatalf("revision %d, %v: %v; want %v", rev, err, got, want)
		}
		if route := got.GetVirtualHosts()[1].GetRoutes()[0].GetRoute(); route.GetTimeout().AsDuration() != time.Minute {
			t.Errorf("the action is %v", route)
		}
	}
}

// BenchmarkSnapshot measures what a change of one row costs the control plane before it is sent,
// and how long the message is.
func BenchmarkSnapshot(b *testing.B) {
	for _, tenants := range []int{1_000, 10_000, 100_000} {
		b.Run(fmt.Sprint(tenants), func(b *testing.B) {
			rows := gateway.Rows{}
			for i := range tenants {
				rows[fmt.Sprintf("tenant-%d", i)] = gateway.Row{Colour: "blue", Rev: uint64(i + 1), Token: 1_000_007}
			}
			made, err := newBuilder(&Config{
				Clusters: []*clusterv3.Cluster{{Name: "blue"}}, RouteConfig: "tenants", Suffix: ".acme.example", Header: "x-route", Default: "blue",
			})
			if err != nil {
				b.Fatal(err)
			}
			size, rev := 0, uint64(tenants)
			if _, err := made.build(rows, rev); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				rev++
				rows["tenant-0"] = gateway.Row{Colour: "blue", Rev: rev, Token: 1_000_007}
				s, err := made.build(rows, rev)
				if err != nil {
					b.Fatal(err)
				}
				size = len(s.all[resource.RouteType]["tenants"].GetValue())
			}
			b.ReportMetric(float64(size)/float64(tenants), "B/tenant")
		})
	}
}

// TestRowsThatWentBackAreNotSent is of a table that was restored from a copy and changed by another
// process, up to a later revision.
func TestRowsThatWentBackAreNotSent(t *testing.T) {
	t.Parallel()
	b, err := newBuilder(&Config{RouteConfig: "tenants", Header: "x-route"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.build(gateway.Rows{"acme": {Colour: "blue", Rev: 9, Token: 1}}, 9); err != nil {
		t.Fatal(err)
	}
	went := gateway.Rows{"acme": {Colour: "green", Rev: 7, Token: 1}, "beta": {Colour: "blue", Rev: 10, Token: 1}}
	for range 2 {
		if _, err := b.build(went, 10); !errors.Is(err, gateway.ErrDamaged) {
			t.Errorf("%v", err)
		}
	}
}
