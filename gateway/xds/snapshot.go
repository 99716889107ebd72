package xds

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

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

// builder makes snapshots. It is not safe for concurrent use.
type builder struct {
	config *Config
	fixed  resources // clusters, endpoints, listeners
	// hosts are the virtual hosts of the last snapshot by tenant, encoded: a change is of few rows,
	// and encoding 100,000 takes seconds.
	hosts map[string]encodedHost
}

type encodedHost struct {
	row   gateway.Row
	bytes []byte
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
	routes, err := b.routes(rows)
	if err != nil {
		return nil, fmt.Errorf("the routes of revision %d: %w", rev, err)
	}
	all := maps.Clone(b.fixed)
	all[resource.RouteType] = map[string]*anypb.Any{b.config.RouteConfig: {TypeUrl: resource.RouteType, Value: routes}}
	return &snapshot{rev: rev, rows: rows, all: all}, nil
}

// routes returns the encoded route configuration: a virtual host for each tenant, and one for all
// other hosts. In its encoding a message is followed by the elements of its repeated field.
func (b *builder) routes(rows gateway.Rows) ([]byte, error) {
	config := &routev3.RouteConfiguration{Name: b.config.RouteConfig, IgnorePortInHostMatching: true}
	if b.config.Default != "" {
		config.VirtualHosts = append(config.VirtualHosts, b.host("*", "*", gateway.Row{Colour: b.config.Default}))
	}
	encoded, err := proto.Marshal(config)
	if err != nil {
		return nil, err
	}
	field := config.ProtoReflect().Descriptor().Fields().ByName("virtual_hosts").Number()
	hosts := make(map[string]encodedHost, len(rows))
	for _, tenant := range slices.Sorted(maps.Keys(rows)) {
		host, ok := b.hosts[tenant]
		if host.row.Rev > rows[tenant].Rev {
			return nil, fmt.Errorf("%w: revision %d of %s was sent to the nodes, and the table has %d", gateway.ErrDamaged, host.row.Rev, tenant, rows[tenant].Rev)
		}
		if !ok || host.row != rows[tenant] {
			host.row = rows[tenant]
			if host.bytes, err = proto.Marshal(b.host(tenant, b.config.domain(tenant), host.row)); err != nil {
				return nil, err
			}
		}
		hosts[tenant] = host
		encoded = protowire.AppendBytes(protowire.AppendTag(encoded, field, protowire.BytesType), host.bytes)
	}
	b.hosts = hosts
	return encoded, nil
}

// host returns a virtual host. Cluster and header are of one row, so an answer cannot carry the
// colour of one and the revision of another.
func (b *builder) host(name, domain string, row gateway.Row) *routev3.VirtualHost {
	return &routev3.VirtualHost{
		Name: name, Domains: []string{domain}, Routes: b.hostRoutes(row),
		ResponseHeadersToAdd: []*corev3.HeaderValueOption{{
			Header:       &corev3.HeaderValue{Key: b.config.Header, Value: row.String()},
			AppendAction: corev3.HeaderValueOption_OVERWRITE_IF_EXISTS_OR_ADD,
		}},
	}
}

// hostRoutes returns the routes of a tenant. Of a tenant between two colours, requests that name a
// bucket go by that, so that a user who has been moved is not moved back by a greater weight;
// chance decides about the others.
func (b *builder) hostRoutes(row gateway.Row) []*routev3.Route {
	all := func(headers ...*routev3.HeaderMatcher) *routev3.RouteMatch {
		return &routev3.RouteMatch{PathSpecifier: &routev3.RouteMatch_Prefix{Prefix: "/"}, Headers: headers}
	}
	if row.Weight == 0 {
		return []*routev3.Route{{Match: all(), Action: b.action(row.Colour)}}
	}
	var routes []*routev3.Route
	if b.config.Bucket != "" {
		moved, rest := b.bucket(0, row.Weight), b.bucket(row.Weight, 100)
		routes = append(routes, &routev3.Route{Match: all(moved), Action: b.action(row.Other)},
			&routev3.Route{Match: all(rest), Action: b.action(row.Colour)})
	}
	return append(routes, &routev3.Route{Match: all(), Action: b.split(row)})
}

// bucket matches requests whose bucket is from or greater, and less than to.
func (b *builder) bucket(from, to int) *routev3.HeaderMatcher {
	return &routev3.HeaderMatcher{
		Name:                 b.config.Bucket,
		HeaderMatchSpecifier: &routev3.HeaderMatcher_RangeMatch{RangeMatch: &typev3.Int64Range{Start: int64(from), End: int64(to)}},
	}
}

func (b *builder) action(colour string) *routev3.Route_Route {
	action := b.plainAction()
	action.ClusterSpecifier = &routev3.RouteAction_Cluster{Cluster: colour}
	return &routev3.Route_Route{Route: action}
}

// split returns the action of a row with a weight.
func (b *builder) split(row gateway.Row) *routev3.Route_Route {
	share := func(colour string, weight int) *routev3.WeightedCluster_ClusterWeight {
		return &routev3.WeightedCluster_ClusterWeight{Name: colour, Weight: wrapperspb.UInt32(uint32(weight))} //nolint:gosec // 1 to 99
	}
	action := b.plainAction()
	action.ClusterSpecifier = &routev3.RouteAction_WeightedClusters{WeightedClusters: &routev3.WeightedCluster{
		Clusters: []*routev3.WeightedCluster_ClusterWeight{share(row.Colour, 100-row.Weight), share(row.Other, row.Weight)},
	}}
	return &routev3.Route_Route{Route: action}
}

func (b *builder) plainAction() *routev3.RouteAction {
	if b.config.Action != nil {
		return proto.CloneOf(b.config.Action)
	}
	return &routev3.RouteAction{}
}
