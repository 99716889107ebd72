package haproxy

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Instance is one HAProxy of the fleet.
type Instance struct {
	// Name identifies the instance in reports. Required, and unique in the fleet. If the prober
	// reports the instance that answered, it has to be this one.
	Name string
	// Socket is the Runtime API, with level admin: the path of a unix socket, or host:port.
	// Required.
	Socket string
	// URL is asked through the data path for the route of a tenant, by a GET request that HAProxy
	// answers or passes on to a server. Required.
	URL string
	// MapFile is the path of the map file on this machine. It may be empty if Config.Push is set.
	MapFile string
}

// Config configures a [Gateway].
type Config struct {
	// Table has the wanted routes. Required.
	Table gateway.Table
	// Fleet lists the instances. It is called in each round of questions, so an instance that joins
	// has to confirm a switch that is under way, and one that leaves need not. It must be safe for
	// concurrent use and return when its context ends. Required; [Fixed] is a list that does not
	// change.
	Fleet func(context.Context) ([]Instance, error)
	// Map is the name of the map in HAProxy's configuration, normally the path of its file there.
	// Required.
	Map string
	// Colours are the colours that a tenant can be switched to. Each must be a backend. Default:
	// "blue" and "green".
	Colours []string
	// Default is the colour of tenants that are not in the map, as HAProxy's configuration has it.
	// Default: none; such tenants fail with TENANT_NOT_FOUND.
	Default string
	// Push brings a map file to an instance, replacing the old one atomically. It must return when
	// its context ends, and must not take effect later. Default: the file Instance.MapFile of this
	// machine is written.
	Push func(ctx context.Context, instance Instance, content []byte) error
	// Prober asks for the route of the tenant Endpoint.ID at Endpoint.URL, over a new connection
	// each time. The version that it reports is the value in the map. Default: an HTTP prober that
	// sends the header X-Tenant and reads the header X-Route.
	Prober probe.Prober
	// Timeout bounds the wait until all instances serve a route, and again the wait after putting
	// it back: give the executor's steps a little more than twice as long. Default 20 s.
	Timeout time.Duration
	// Interval is the time between two looks of [Gateway.Run] at the processes of the fleet; every
	// 30th look compares the whole maps. Default 1 s.
	Interval time.Duration
	// Logger gets the faults that Run meets. Default: none.
	Logger *zap.Logger
}

// verifyEvery is how many looks of Run there are per comparison of the whole maps.
const verifyEvery = 30

// Fixed returns a fleet that does not change.
func Fixed(instances ...Instance) func(context.Context) ([]Instance, error) {
	return control.Fixed(instances)
}

// Gateway switches tenants on a fleet of HAProxy instances. It is a [bluegreen.Gateway], is safe
// for concurrent use and has nothing to close.
type Gateway struct {
	control *control.Controller
	fleet   func(context.Context) ([]Instance, error)
}

var _ bluegreen.Gateway = (*Gateway)(nil)

// New returns a gateway, or a *[gateway.InvalidError] that lists every fault. It contacts no
// instance.
func New(c Config) (*Gateway, error) {
	common := control.Config{
		Kind: "HAProxy", Table: c.Table, Colours: c.Colours, Default: c.Default, Prober: c.Prober, Answers: 1,
		Timeout: c.Timeout, Interval: cmp.Or(c.Interval, time.Second), VerifyEvery: verifyEvery, Logger: c.Logger,
	}
	faults := append(common.SetDefaults(), c.faults()...)
	if len(faults) > 0 {
		return nil, &gateway.InvalidError{Faults: faults}
	}
	fleet := control.NewFleet(c.Fleet, func(i Instance) string { return i.Name }, func(i Instance) *control.Member {
		p := &proxy{instance: i, live: liveMap{newRuntime(i.Socket), c.Map}, colours: common.Colours, push: c.Push}
		p.unseen = c.Push == nil && i.MapFile != ""
		return control.NewMember(i.Name, i.URL, p.sync)
	})
	common.Members = fleet.Members
	return &Gateway{control.New(common), c.Fleet}, nil
}

// Current returns the tenant's colour when every instance serves the tenant's route. If one does
// not, for instance because an earlier call was interrupted, Current first brings it up to date.
func (g *Gateway) Current(ctx context.Context, tenantID string) (string, error) {
	return g.control.Current(ctx, tenantID)
}

// Switch routes a tenant to c.To and returns nil when every instance serves that route.
func (g *Gateway) Switch(ctx context.Context, c bluegreen.Change) error {
	return g.control.Switch(ctx, c)
}

// Weights returns weights for executor/canary: 0 percent are all requests of a tenant at stable,
// 100 all at other, and a weight is set when every instance serves it. Which requests they are is
// the configuration's matter: see docs/gateways.md. An unknown colour is a *[gateway.InvalidError].
func (g *Gateway) Weights(stable, other string) (canary.Weights, error) {
	return g.control.Weights(stable, other)
}

// Reconcile compares every instance with the table and brings it up to date. It returns a report
// for each instance. The error is that of the fleet's list, or of ctx.
func (g *Gateway) Reconcile(ctx context.Context) ([]gateway.InstanceReport, error) {
	return g.control.Check(ctx, true)
}

// Run keeps the fleet equal to the table until ctx ends, and then returns nil. It notices restarts
// and reloads within Config.Interval, and changes by others at the next comparison.
func (g *Gateway) Run(ctx context.Context) error {
	return g.control.Run(ctx)
}

// faults returns what is wrong with the fields that only this gateway has.
func (c *Config) faults() (faults []string) {
	if c.Fleet == nil {
		faults = append(faults, "Fleet is missing")
	}
	if c.Map == "" || strings.ContainsAny(c.Map, " ;#<\\\"'\t\r\n") {
		faults = append(faults, fmt.Sprintf("Map: %q is no name that the Runtime API can take", c.Map))
	}
	return faults
}
