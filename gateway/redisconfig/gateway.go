package redisconfig

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/redisack"
)

// defaultTimeout bounds the wait for the clients. Waiting and putting back have to fit into the
// default timeout of a step of package bluegreen, one minute.
const defaultTimeout = 20 * time.Second

// Config configures a [Gateway]. It requires a Check with a prober (or Push), and a fleet, in Check
// or by Fleet.
type Config struct {
	// Check sets which clients confirm a route, how they are asked, how many have to confirm and
	// how long that may take. Policy.Timeout bounds the wait for the clients, by default 20 s, and
	// again the wait after putting a route back: give the executor's steps a little more than twice
	// as long. Policy.Rollback is ignored: a switch that is not confirmed is put back.
	Check redisack.Check
	// Fleet returns the clients that confirm a tenant's route. Set it if each tenant has clients or
	// status URLs of its own. Default: Check.Fleet for all tenants.
	Fleet func(tenantID string) redisack.Fleet
	// Key returns the Redis key of a tenant's route, always the same for one tenant and different
	// for each tenant. Default: route:{tenant}.
	Key func(tenantID string) string
	// Encode returns the payload that the clients read. It must return the same bytes for the same
	// route. Default: the JSON of Route.
	Encode func(Route) ([]byte, error)
	// Decode returns the colour in a payload. Set it together with Encode. Default: the member
	// colour of a JSON object.
	Decode func(payload []byte) (colour string, err error)
	// Redisack is passed to redisack.New: logger, hooks, limits. The zero value is ready to use.
	Redisack redisack.Config
}

// Route is what clients read about a tenant.
type Route struct {
	// TenantID is not part of the JSON, because the key contains it.
	TenantID string `json:"-"`
	// Colour is the colour to route the tenant to.
	Colour string `json:"colour"`
	// Version names this content. A client that reads only the payload can report it.
	Version string `json:"version"`
}

// Gateway switches tenants by their routes in Redis. It is a [bluegreen.Gateway] and safe for
// concurrent use. It has nothing to close; the caller keeps the Redis client and closes it.
type Gateway struct {
	rdb    redis.UniversalClient
	client *redisack.Client
	config Config
}

// New returns a gateway over rdb, which may be a client of a single server, Sentinel or Cluster, or
// a *[bluegreen.InvalidError] that lists every fault.
func New(rdb redis.UniversalClient, c Config) (*Gateway, error) {
	client, faults := c.client(rdb)
	if len(faults) > 0 {
		return nil, &bluegreen.InvalidError{Faults: faults}
	}
	c.setDefaults()
	return &Gateway{rdb: rdb, client: client, config: c}, nil
}

func (c *Config) setDefaults() {
	if c.Check.Policy.Timeout == 0 {
		c.Check.Policy.Timeout = defaultTimeout
	}
	if c.Fleet == nil {
		fleet := c.Check.Fleet
		c.Fleet = func(string) redisack.Fleet { return fleet }
	}
	if c.Key == nil {
		c.Key = func(tenantID string) string { return "route:{" + tenantID + "}" }
	}
	if c.Encode == nil {
		c.Encode = func(r Route) ([]byte, error) { return json.Marshal(r) }
	}
	if c.Decode == nil {
		c.Decode = decodeJSON
	}
}

func decodeJSON(payload []byte) (string, error) {
	var r Route
	err := json.Unmarshal(payload, &r)
	return r.Colour, err
}

// client returns the redisack client over rdb, or every fault of the arguments of New.
func (c *Config) client(rdb redis.UniversalClient) (client *redisack.Client, faults []string) {
	if (c.Encode == nil) != (c.Decode == nil) {
		faults = append(faults, "Encode and Decode: one is set without the other")
	}
	check := c.Check
	if check.Fleet != nil || c.Fleet != nil {
		check.Fleet = redisack.Static() // any fleet is valid here; the one used depends on the tenant
	}
	client, err := redisack.New(rdb, c.Redisack)
	for _, err := range []error{err, check.Validate()} {
		var invalid *redisack.InvalidError
		if errors.As(err, &invalid) {
			for _, f := range invalid.Faults {
				faults = append(faults, f.Field+" "+f.Problem)
			}
		}
	}
	return client, faults
}

// check returns the check with which a tenant's route is confirmed.
func (g *Gateway) check(tenantID string, back redisack.RollbackMode) redisack.Check {
	check := g.config.Check
	check.Fleet = g.config.Fleet(tenantID)
	check.Policy.Rollback = back
	return check
}
