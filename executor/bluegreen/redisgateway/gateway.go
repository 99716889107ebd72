package redisgateway

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/redisack"
)

// defaultTimeout bounds the wait for the clients. Waiting and putting back are to
// fit into the minute that a step of package bluegreen has.
const defaultTimeout = 20 * time.Second

// Config is how a [Gateway] works. Required is Check with a prober (or Push), and
// a fleet: in Check or by Fleet.
type Config struct {
	// Check says who confirms a route, how they are asked, how many have to and how
	// long it may take. Policy.Timeout bounds the wait for the clients, by default
	// 20 s, and once more the wait after putting back: give the executor's steps a
	// little more than twice as long. Policy.Rollback is not used: what is not
	// confirmed is put back.
	Check redisack.Check
	// Fleet returns who confirms a tenant's route. Set it when the tenants have
	// clients or status URLs of their own. Default: Check.Fleet for all.
	Fleet func(tenantID string) redisack.Fleet
	// Key returns where a tenant's route is, which no other tenant's may be. It must
	// always return the same. Default: route:{tenant}.
	Key func(tenantID string) string
	// Encode makes the payload that the clients read. The same route must give the
	// same bytes. Default: JSON of Route.
	Encode func(Route) ([]byte, error)
	// Decode takes the colour out of a payload. Set it together with Encode.
	// Default: the member colour of a JSON object.
	Decode func(payload []byte) (colour string, err error)
	// Redisack is passed on: logger, hooks, limits. A default is good.
	Redisack redisack.Config
}

// Route is what clients learn of a tenant.
type Route struct {
	// TenantID is not part of the JSON: the key names it.
	TenantID string `json:"-"`
	// Colour is where the tenant is to be routed.
	Colour string `json:"colour"`
	// Version names this content. A client that reads only the payload can report it.
	Version string `json:"version"`
}

// Gateway switches tenants by their routes in Redis. It is a [bluegreen.Gateway]
// and safe for concurrent use. It has nothing to close; the Redis client stays the
// caller's.
type Gateway struct {
	rdb    redis.UniversalClient
	client *redisack.Client
	config Config
}

// New returns a gateway over rdb, a single server, Sentinel or Cluster, or a
// *[bluegreen.InvalidError] that names everything that is wrong.
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

// client returns the client over rdb, or everything that is wrong with the arguments of New.
func (c *Config) client(rdb redis.UniversalClient) (client *redisack.Client, faults []string) {
	if (c.Encode == nil) != (c.Decode == nil) {
		faults = append(faults, "Encode and Decode: one is set without the other")
	}
	check := c.Check
	if check.Fleet != nil || c.Fleet != nil {
		check.Fleet = redisack.Static() // one is enough; which one comes with the tenant
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

// check is how a tenant's route is confirmed.
func (g *Gateway) check(tenantID string, back redisack.RollbackMode) redisack.Check {
	check := g.config.Check
	check.Fleet = g.config.Fleet(tenantID)
	check.Policy.Rollback = back
	return check
}
