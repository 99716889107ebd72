package xds

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"go.uber.org/zap"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Instance is one proxy of the fleet.
type Instance struct {
	// Name is the node id with which the proxy connects. Required, and unique in the fleet. If the
	// prober reports the instance that answered, it has to be this one.
	Name string
	// URL is asked through the data path for the route of a tenant, by a GET request with the
	// tenant's domain as its host. Without it the instance confirms by less, see [Config.Settle].
	URL string
}

// Config configures a [Gateway].
type Config struct {
	// Table has the wanted routes. Required.
	Table gateway.Table
	// Fleet lists the instances. It is called in each round of questions, so an instance that joins
	// has to confirm a switch that is under way, and one that leaves need not. It must be safe for
	// concurrent use and return when its context ends. Required; [Fixed] is a list that does not
	// change. Nodes that connect and are not in the list are served, and do not count.
	Fleet func(context.Context) ([]Instance, error)
	// Clusters has one cluster for each colour, with the colour as its name, and any others that
	// Listeners need. They are sent with every revision. The gateway must be the only one to use
	// these messages, as those of the next three fields. Required.
	Clusters []*clusterv3.Cluster
	// Endpoints are sent to nodes that ask for the endpoints of a cluster. Default: none.
	Endpoints []*endpointv3.ClusterLoadAssignment
	// Listeners are sent to nodes that ask for listeners. Default: none; the nodes have static
	// ones.
	Listeners []*listenerv3.Listener
	// Action is the action of every route, for instance with timeouts; the gateway sets its
	// cluster. Default: the proxy's defaults.
	Action *routev3.RouteAction
	// RouteConfig is the name of the route configuration for which nodes ask. Default "tenants".
	RouteConfig string
	// Suffix is what follows a tenant's id in its domain, such as ".example.com". Default: nothing;
	// the id is the domain.
	Suffix string
	// Header is the header of answers that carries the route. Default "x-route".
	Header string
	// Bucket is a header of requests with a number from 0 to 99 that stands for a user, for tenants
	// with a weight ([Gateway.Weights]): those below the weight go to the other colour, and so a
	// user who has been moved stays there when the weight grows. Chance decides about requests
	// without it. Whoever can set it can choose a colour. Default: none; chance decides.
	Bucket string
	// Colours are the colours that a tenant can be switched to. Default: "blue" and "green".
	Colours []string
	// Default is the colour of all hosts that are no tenant of the table. Default: none; such
	// requests find no route, and such tenants fail with TENANT_NOT_FOUND.
	Default string
	// Prober asks for the route of the tenant Endpoint.ID at Endpoint.URL, over a new connection
	// each time. The version that it reports is the value of Header. Default: an HTTP prober.
	Prober probe.Prober
	// Settle is how long after its acknowledgement an instance without a URL is taken to route by
	// a revision: an acknowledgement says that the configuration is valid, not that it is in use.
	// At most 4 s. Default 1 s.
	Settle time.Duration
	// Timeout bounds the wait until all instances serve a route, and again the wait after putting
	// it back: give the executor's steps a little more than twice as long. Default 20 s.
	Timeout time.Duration
	// Interval is the time between two looks of [Gateway.Run] at the table, and so how long a
	// change by another process takes to reach the nodes of this one. Default 250 ms.
	Interval time.Duration
	// Logger gets the NACKs of nodes, and faults of the table that Run meets. Default: none.
	Logger *zap.Logger
}

// maxSettle is less than the time that one question may take.
const maxSettle = 4 * time.Second

// Fixed returns a fleet that does not change.
func Fixed(instances ...Instance) func(context.Context) ([]Instance, error) {
	return control.Fixed(instances)
}

// setDefaults fills in what the host has left out. It returns what is common to all gateways, and
// every fault.
func (c *Config) setDefaults() (common control.Config, faults []string) {
	c.RouteConfig, c.Header = cmp.Or(c.RouteConfig, "tenants"), cmp.Or(c.Header, "x-route")
	c.Settle, c.Interval = cmp.Or(c.Settle, time.Second), cmp.Or(c.Interval, 250*time.Millisecond)
	if c.Prober == nil && badHeader(c.Header) == "" {
		prober, err := c.newProber()
		if err != nil {
			faults = append(faults, "Prober: "+err.Error())
		}
		c.Prober = prober
	}
	common = control.Config{
		Kind: "xDS", Table: c.Table, Colours: c.Colours, Default: c.Default, Prober: c.Prober, Answers: 1,
		CheckTenant: c.checkTenant, Timeout: c.Timeout, Interval: c.Interval, VerifyEvery: 1, Logger: c.Logger,
	}
	faults = append(faults, common.SetDefaults()...)
	c.Logger = common.Logger
	return common, append(faults, c.faults(common.Colours)...)
}

// faults returns what is wrong with the fields that only this gateway has.
func (c *Config) faults(colours []string) (faults []string) {
	if c.Fleet == nil {
		faults = append(faults, "Fleet is missing")
	}
	for _, colour := range colours {
		if !slices.ContainsFunc(c.Clusters, func(cluster *clusterv3.Cluster) bool { return cluster.GetName() == colour }) {
			faults = append(faults, fmt.Sprintf("Clusters: none is named %q", colour))
		}
	}
	faults = append(faults, invalid("Clusters", c.Clusters, (*clusterv3.Cluster).GetName)...)
	faults = append(faults, invalid("Endpoints", c.Endpoints, (*endpointv3.ClusterLoadAssignment).GetClusterName)...)
	faults = append(faults, invalid("Listeners", c.Listeners, (*listenerv3.Listener).GetName)...)
	if c.Suffix != "" && checkDomain("x"+c.Suffix) != nil {
		faults = append(faults, fmt.Sprintf("Suffix: %q does not end a domain; allowed are a-z, 0-9 and .-_", c.Suffix))
	}
	if fault := badHeader(c.Header); fault != "" {
		faults = append(faults, "Header: "+fault)
	}
	if fault := badHeader(c.Bucket); fault != "" {
		faults = append(faults, "Bucket: "+fault)
	}
	if c.Settle < 0 || c.Settle > maxSettle {
		faults = append(faults, fmt.Sprintf("Settle must be between 0 and %v", maxSettle))
	}
	return faults
}

// message is a resource with the rules of its type.
type message interface{ ValidateAll() error }

// invalid returns the resources that are without a name, have the name of another one, or break the
// rules of their type.
func invalid[M message](field string, resources []M, name func(M) string) (faults []string) {
	seen := map[string]bool{}
	for i, m := range resources {
		switch err := m.ValidateAll(); {
		case name(m) == "":
			faults = append(faults, fmt.Sprintf("%s[%d] has no name", field, i))
		case seen[name(m)]:
			faults = append(faults, fmt.Sprintf("%s[%d]: the name %q occurs twice", field, i, name(m)))
		case err != nil:
			faults = append(faults, fmt.Sprintf("%s[%d]: %v", field, i, err))
		}
		seen[name(m)] = true
	}
	return faults
}

// badHeader returns what is wrong with the name of a header, empty if nothing is.
func badHeader(name string) string {
	for _, r := range name {
		if !letter(r) && r != '-' {
			return fmt.Sprintf("%q contains %q; allowed are a-z, 0-9 and -", name, r)
		}
	}
	return ""
}

// domain returns the host by which requests name a tenant.
func (c *Config) domain(tenant string) string { return tenant + c.Suffix }

// checkTenant returns what is wrong with a tenant id.
func (c *Config) checkTenant(id string) error {
	if err := gateway.CheckTenant(id); err != nil {
		return err
	}
	return checkDomain(c.domain(id))
}

// maxDomain is the maximum length of a host name.
const maxDomain = 253

// checkDomain returns an error if requests could not have a domain as their host.
func checkDomain(domain string) error {
	if len(domain) > maxDomain {
		return fmt.Errorf("xds: the domain %.32q... has %d bytes, at most %d are allowed", domain, len(domain), maxDomain)
	}
	for _, r := range domain {
		if !letter(r) && !strings.ContainsRune(".-_", r) {
			return fmt.Errorf("xds: the domain %q contains %q; allowed are a-z, 0-9 and .-_", domain, r)
		}
	}
	if strings.HasSuffix(domain, ".") {
		return fmt.Errorf("xds: the domain %q ends with a dot", domain)
	}
	return nil
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }

// newProber returns the prober of hosts that give none.
func (c *Config) newProber() (probe.Prober, error) {
	suffix := c.Suffix
	return httpprobe.New(httpprobe.Config{
		Version:       httpprobe.Header(c.Header),
		Headers:       func(ep probe.Endpoint) http.Header { return http.Header{"Host": {ep.ID + suffix}} },
		AllowLoopback: true, // the addresses are the host's own
	})
}
