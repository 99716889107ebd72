package xds_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"testing"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3" // of the bootstrap
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/upstreams/http/v3" // of the bootstrap
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/cutover-go/cutover/gateway/internal/fleettest"
)

// bootstrap is what an edge knows before it has a control plane.
type bootstrap struct {
	control string // the address of the control plane
	manager *hcmv3.HttpConnectionManager
}

func (b bootstrap) routes() string { return b.manager.GetRds().GetRouteConfigName() }

// documented returns the bootstrap of docs/gateways.md, which has to be one by Envoy's own rules.
func documented(t testing.TB) bootstrap {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal([]byte(fleettest.Documented(t, "yaml")), &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var parsed bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(text, &parsed); err != nil {
		t.Fatal(err)
	}
	manager := &hcmv3.HttpConnectionManager{}
	listener := parsed.GetStaticResources().GetListeners()[0]
	if err := listener.GetFilterChains()[0].GetFilters()[0].GetTypedConfig().UnmarshalTo(manager); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(parsed.ValidateAll(), manager.ValidateAll()); err != nil {
		t.Fatal(err)
	}
	return bootstrap{manager: manager}
}

// config is what a worker routes by. What is nil was not in a response.
type config struct {
	clusters   map[string]string // addresses
	hosts      map[string]host
	ignorePort bool
}

type host struct {
	routes        []*routev3.Route
	header, value string
}

// cluster returns the cluster to which a request goes, empty if no route matches.
func (h host) cluster(r *http.Request) string {
	for _, route := range h.routes {
		if !matches(route.GetMatch(), r.Header) {
			continue
		}
		at := rand.Uint32N(100)
		for _, part := range route.GetRoute().GetWeightedClusters().GetClusters() {
			if weight := part.GetWeight().GetValue(); at < weight {
				return part.GetName()
			} else {
				at -= weight
			}
		}
		return route.GetRoute().GetCluster()
	}
	return ""
}

// matches reports whether headers are those of a match. Only ranges are known.
func matches(match *routev3.RouteMatch, header http.Header) bool {
	for _, m := range match.GetHeaders() {
		n, err := strconv.ParseInt(header.Get(m.GetName()), 10, 64)
		if err != nil || n < m.GetRangeMatch().GetStart() || n >= m.GetRangeMatch().GetEnd() {
			return false
		}
	}
	return true
}

// parsed returns what is in a response, or why a proxy would refuse it.
func (w *worker) parsed(response *discoveryv3.DiscoveryResponse) (next config, err error) {
	w.edge.mu.Lock()
	refuse := w.edge.refuse
	w.edge.mu.Unlock()
	if refuse != nil {
		if text := refuse(response.GetTypeUrl(), response.GetVersionInfo()); text != "" {
			return next, errors.New(text)
		}
	}
	for _, encoded := range response.GetResources() {
		switch response.GetTypeUrl() {
		case resource.ClusterType:
			err = errors.Join(err, next.cluster(encoded.UnmarshalTo, &clusterv3.Cluster{}))
		case resource.RouteType:
			err = errors.Join(err, next.routes(encoded.UnmarshalTo, &routev3.RouteConfiguration{}))
		}
	}
	return next, err
}

func (c *config) cluster(decode func(proto.Message) error, m *clusterv3.Cluster) error {
	if err := errors.Join(decode(m), m.ValidateAll()); err != nil {
		return err
	}
	if c.clusters == nil {
		c.clusters = map[string]string{}
	}
	address := m.GetLoadAssignment().GetEndpoints()[0].GetLbEndpoints()[0].GetEndpoint().GetAddress().GetSocketAddress()
	c.clusters[m.GetName()] = net.JoinHostPort(address.GetAddress(), fmt.Sprint(address.GetPortValue()))
	return nil
}

func (c *config) routes(decode func(proto.Message) error, m *routev3.RouteConfiguration) error {
	if err := errors.Join(decode(m), m.ValidateAll()); err != nil {
		return err
	}
	c.hosts, c.ignorePort = map[string]host{}, m.GetIgnorePortInHostMatching()
	for _, virtual := range m.GetVirtualHosts() {
		header := virtual.GetResponseHeadersToAdd()[0].GetHeader()
		for _, domain := range virtual.GetDomains() {
			if _, ok := c.hosts[domain]; ok {
				return fmt.Errorf("only unique values for domains are permitted, duplicate entry of domain %s", domain)
			}
			c.hosts[domain] = host{virtual.GetRoutes(), header.GetKey(), header.GetValue()}
		}
	}
	return nil
}

// route answers a request.
func (w *worker) route(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	config := w.config
	w.mu.Unlock()
	name := strings.ToLower(r.Host)
	if config.ignorePort {
		if bare, _, err := net.SplitHostPort(name); err == nil {
			name = bare
		}
	}
	if w.edge.boot.manager.GetStripTrailingHostDot() {
		name = strings.TrimSuffix(name, ".")
	}
	found, ok := config.hosts[name]
	if !ok {
		found, ok = config.hosts["*"]
	}
	if !ok {
		http.Error(out, "no route", http.StatusNotFound)
		return
	}
	out.Header().Set(found.header, found.value)
	cluster := found.cluster(r)
	address, ok := config.clusters[cluster]
	if !ok {
		http.Error(out, "no cluster "+cluster, http.StatusServiceUnavailable)
		return
	}
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: address})
	proxy.Transport = w.edge.upstream
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ServeHTTP(out, r)
}
