package nginx

import (
	"cmp"
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/gateway/internal/control"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Instance is one nginx of the fleet.
type Instance struct {
	// Name identifies the instance in reports. Required, and unique in the fleet. If the prober
	// reports the instance that answered, it has to be this one.
	Name string
	// URL is asked through the data path for the route of a tenant, by a GET request. Required.
	URL string
	// MapFile is the path of the map file on this machine. It may be empty if Config.Push is set;
	// the gateway then cannot see what the instance has, and pushes the file once when it meets the
	// instance.
	MapFile string
	// ConfigFile and Prefix are nginx's options -c and -p for the commands of [Local]. Default:
	// those that nginx was built with.
	ConfigFile, Prefix string
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
	// Colours are the colours that a tenant can be switched to. Each must be an upstream: nginx
	// accepts a map with another colour, and answers 502 to its tenant. Default: "blue" and
	// "green".
	Colours []string
	// Default is the colour of tenants that are not in the map, as nginx's configuration has it.
	// Default: none; such tenants fail with TENANT_NOT_FOUND.
	Default string
	// Push brings a map file to an instance, tests the configuration with it and reloads nginx. If
	// the test fails it must put the old file back and return an error. It must return when its
	// context ends, and must not take effect later. Default: [Local] of "nginx".
	Push func(ctx context.Context, instance Instance, content []byte) error
	// Prober asks for the route of the tenant Endpoint.ID at Endpoint.URL, over a new connection
	// each time. The version that it reports is the value in the map. Default: an HTTP prober that
	// sends the header X-Tenant and reads the header X-Route.
	Prober probe.Prober
	// Answers is the number of answers over new connections in a row, 100 ms apart, by which an
	// instance confirms: a worker of the old configuration accepts connections until it has noticed
	// the reload. Default 3.
	Answers int
	// Timeout bounds the wait until all instances serve a route, and again the wait after putting
	// it back: give the executor's steps a little more than twice as long. Default 20 s.
	Timeout time.Duration
	// ReloadInterval is the minimum time between two reloads of an instance. All switches that wait
	// meanwhile share one. Default 1 s.
	ReloadInterval time.Duration
	// Interval is the time between two looks of [Gateway.Run] at the map files. Default 10 s.
	Interval time.Duration
	// Logger gets the faults that Run meets. Default: none.
	Logger *zap.Logger
}

// answerSpacing is the time between two answers that confirm. On a machine that is not overloaded
// an old worker notices a reload within a few milliseconds.
const answerSpacing = 100 * time.Millisecond

// Fixed returns a fleet that does not change.
func Fixed(instances ...Instance) func(context.Context) ([]Instance, error) {
	return control.Fixed(instances)
}

// Gateway switches tenants on a fleet of nginx instances. It is a [bluegreen.Gateway], is safe for
// concurrent use and has nothing to close.
type Gateway struct{ control *control.Controller }

var _ bluegreen.Gateway = (*Gateway)(nil)

// New returns a gateway, or a *[gateway.InvalidError] that lists every fault. It contacts no
// instance.
func New(c Config) (*Gateway, error) {
	common := control.Config{
		Kind: "nginx", Table: c.Table, Colours: c.Colours, Default: c.Default, Prober: c.Prober, Answers: cmp.Or(c.Answers, 3),
		Spacing: answerSpacing, Timeout: c.Timeout, Interval: cmp.Or(c.Interval, 10*time.Second), VerifyEvery: 1, Logger: c.Logger,
	}
	faults := append(common.SetDefaults(), c.faults()...)
	if len(faults) > 0 {
		return nil, &gateway.InvalidError{Faults: faults}
	}
	if c.Push == nil {
		c.Push = Local("nginx")
	}
	fleet := control.NewFleet(c.Fleet, func(i Instance) string { return i.Name }, func(i Instance) *control.Member {
		p := &proxy{instance: i, push: c.Push, interval: cmp.Or(c.ReloadInterval, time.Second)}
		member := control.NewMember(i.Name, i.URL, p.sync)
		member.Insight = p
		return member
	})
	common.Members = fleet.Members
	return &Gateway{control.New(common)}, nil
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

// Reconcile compares the map file of every instance with the table and brings it up to date. It
// returns a report for each instance. The error is that of the fleet's list, or of ctx.
func (g *Gateway) Reconcile(ctx context.Context) ([]gateway.InstanceReport, error) {
	return g.control.Check(ctx, true)
}

// Run keeps the map files of the fleet equal to the table until ctx ends, and then returns nil.
func (g *Gateway) Run(ctx context.Context) error {
	return g.control.Run(ctx)
}

// faults returns what is wrong with the fields that only this gateway has.
func (c *Config) faults() (faults []string) {
	if c.Fleet == nil {
		faults = append(faults, "Fleet is missing")
	}
	if c.Answers < 0 || c.ReloadInterval < 0 {
		faults = append(faults, "Answers and ReloadInterval must not be negative")
	}
	return faults
}
