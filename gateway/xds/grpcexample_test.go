package xds_test

import (
	"fmt"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routerv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/xds"
)

// The control plane of two clients of grpc-go without a proxy: the listener for which they ask, and
// for each colour a cluster and its servers. The bootstrap of a client names its node, such as
// client-1, and has "client_default_listener_resource_name_template": "api".
func Example_grpcClients() {
	ads := &corev3.ConfigSource{
		ConfigSourceSpecifier: &corev3.ConfigSource_Ads{Ads: &corev3.AggregatedConfigSource{}},
		ResourceApiVersion:    corev3.ApiVersion_V3,
	}
	cluster := func(colour string) *clusterv3.Cluster {
		return &clusterv3.Cluster{
			Name:                 colour,
			ClusterDiscoveryType: &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS},
			EdsClusterConfig:     &clusterv3.Cluster_EdsClusterConfig{EdsConfig: ads},
		}
	}
	servers := func(colour, host string, port uint32) *endpointv3.ClusterLoadAssignment {
		address := &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: host, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
		}}}
		return &endpointv3.ClusterLoadAssignment{ClusterName: colour, Endpoints: []*endpointv3.LocalityLbEndpoints{{
			Locality:            &corev3.Locality{Region: "here"},
			LoadBalancingWeight: wrapperspb.UInt32(1), // grpc-go uses no locality without one
			LbEndpoints: []*endpointv3.LbEndpoint{{
				HostIdentifier: &endpointv3.LbEndpoint_Endpoint{Endpoint: &endpointv3.Endpoint{Address: address}},
			}},
		}}}
	}
	router, err := anypb.New(&routerv3.Router{})
	if err != nil {
		panic(err)
	}
	manager, err := anypb.New(&hcmv3.HttpConnectionManager{
		RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: "tenants", ConfigSource: ads}},
		HttpFilters:    []*hcmv3.HttpFilter{{Name: "router", ConfigType: &hcmv3.HttpFilter_TypedConfig{TypedConfig: router}}},
	})
	if err != nil {
		panic(err)
	}
	_, err = xds.New(xds.Config{
		Table:     gateway.NewFileTable("/var/lib/acme/routes"),
		Fleet:     xds.Fixed(xds.Instance{Name: "client-1"}, xds.Instance{Name: "client-2"}), // no URL: nobody can ask them
		Listeners: []*listenerv3.Listener{{Name: "api", ApiListener: &listenerv3.ApiListener{ApiListener: manager}}},
		Clusters:  []*clusterv3.Cluster{cluster("green"), cluster("blue")},
		Endpoints: []*endpointv3.ClusterLoadAssignment{
			servers("green", "10.0.1.1", 8000), servers("blue", "10.0.2.1", 8000),
		},
		Default: "green",
	})
	fmt.Println(err)
	// Output: <nil>
}
