package xds

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/cutover-go/cutover/gateway"
)

// versionPrefix begins every version, so that one of another control plane is not taken for ours.
const versionPrefix = "cutover/"

// version returns the version of all resources of a revision.
func version(rev uint64) string { return versionPrefix + strconv.FormatUint(rev, 10) }

// revision returns the revision of a version; ok is false if the version is not ours.
func revision(version string) (rev uint64, ok bool) {
	text, ok := strings.CutPrefix(version, versionPrefix)
	rev, err := strconv.ParseUint(text, 10, 64)
	return rev, ok && err == nil
}

// resources are encoded resources by the URL of their type and their name.
type resources map[string]map[string]*anypb.Any

// snapshot is what nodes are sent at one revision of the table: everything, not only the routes.
type snapshot struct {
	rev  uint64
	rows gateway.Rows
	all  resources
}

// builder makes snapshots.
type builder struct {
	config *Config
	fixed  resources // clusters, endpoints, listeners
}

func newBuilder(c *Config) (*builder, error) {
	b := &builder{config: c, fixed: resources{}}
	for _, m := range c.Clusters {
		if err := b.add(resource.ClusterType, m.GetName(), m); err != nil {
			return nil, err
		}
	}
	for _, m := range c.Endpoints {
		if err := b.add(resource.EndpointType, m.GetClusterName(), m); err != nil {
			return nil, err
		}
	}
	for _, m := range c.Listeners {
		if err := b.add(resource.ListenerType, m.GetName(), m); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func (b *builder) add(typeURL, name string, m proto.Message) error {
	encoded, err := anypb.New(m)
	if err != nil {
		return fmt.Errorf("%s %q: %w", shortType(typeURL), name, err)
	}
	if b.fixed[typeURL] == nil {
		b.fixed[typeURL] = map[string]*anypb.Any{}
	}
	b.fixed[typeURL][name] = encoded
	return nil
}

// build returns the snapshot of a table.
func (b *builder) build(rows gateway.Rows, rev uint64) (*snapshot, error) {
	routes, err := anypb.New(b.routes(rows))
	if err != nil {
		return nil, fmt.Errorf("the routes of revision %d: %w", rev, err)
	}
	all := maps.Clone(b.fixed)
	all[resource.RouteType] = map[string]*anypb.Any{b.config.RouteConfig: routes}
	return &snapshot{rev: rev, rows: rows, all: all}, nil
}

// routes returns the route configuration: a virtual host for each tenant, and one for all other
// hosts. Cluster and header are of one virtual host, so an answer cannot carry the colour of one
// row and the revision of another.
func (b *builder) routes(rows gateway.Rows) *routev3.RouteConfiguration {
	actions := map[string]*routev3.Route_Route{} // by colour
	host := func(name, domain string, row gateway.Row) *routev3.VirtualHost {
		action := actions[row.Colour]
		if action == nil {
			action = b.action(row.Colour)
			actions[row.Colour] = action
		}
		return &routev3.VirtualHost{
			Name: name, Domains: []string{domain},
			Routes: []*routev3.Route{{
				Match:  &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}},
				Action: action,
			}},
			ResponseHeadersToAdd: []*corev3.HeaderValueOption{{
				Header:       &corev3.HeaderValue{Key: b.config.Header, Value: row.String()},
				AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
			}},
		}
	}
	config := &routev3.RouteConfiguration{Name: b.config.RouteConfig, IgnorePortInHostMatching: true}
	for _, tenant := range slices.Sorted(maps.Keys(rows)) {
		config.VirtualHosts = append(config.VirtualHosts, host(tenant, b.config.domain(tenant), rows[tenant]))
	}
	if b.config.Default != "" {
		config.VirtualHosts = append(config.VirtualHosts, host("*", "*", gateway.Row{Colour: b.config.Default}))
	}
	return config
}

func (b *builder) action(colour string) *routev3.Route_Route {
	action := &routev3.RouteAction{}
	if b.config.Action != nil {
		action = proto.CloneOf(b.config.Action)
	}
	action.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: colour}
	return &routev3.Route_Route{Route: action}
}
