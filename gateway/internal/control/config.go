package control

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/internal/nilcheck"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// Config configures a [Controller]. Kind, Members, Answers, Interval and VerifyEvery are the
// gateway's own; the other fields are the host's, and [Config.SetDefaults] looks after them.
type Config struct {
	// Kind names the gateway in messages, such as "HAProxy".
	Kind    string
	Table   gateway.Table
	Members func(context.Context) ([]*Member, error)
	// Colours are the colours to which tenants can be switched. Default is the colour of tenants
	// without a row; empty if these are routed nowhere.
	Colours []string
	Default string
	Prober  probe.Prober
	// CheckTenant returns what is wrong with a tenant id. Default: gateway.CheckTenant.
	CheckTenant func(id string) error
	// Answers is the number of answers over new connections in a row by which a member confirms,
	// and Spacing the time between two of them; it may be zero.
	Answers int
	Spacing time.Duration
	// Timeout bounds the wait for the members.
	Timeout time.Duration
	// Interval is the time between two looks of Run at the members, of which every VerifyEvery-th
	// compares all that they have.
	Interval    time.Duration
	VerifyEvery int
	Logger      *zap.Logger
}

// SetDefaults fills in what the host has left out and returns what is wrong with the rest.
func (c *Config) SetDefaults() (faults []string) {
	if nilcheck.IsNil(c.Table) {
		faults = append(faults, "Table is missing")
	}
	if len(c.Colours) == 0 {
		c.Colours = []string{"blue", "green"}
	}
	for _, colour := range c.Colours {
		if err := gateway.CheckColour(colour); err != nil {
			faults = append(faults, "Colours: "+err.Error())
		}
	}
	if c.Default != "" && !slices.Contains(c.Colours, c.Default) {
		faults = append(faults, fmt.Sprintf("Default: %q is none of Colours", c.Default))
	}
	if c.Timeout < 0 || c.Interval < 0 {
		faults = append(faults, "Timeout and Interval must not be negative")
	}
	c.Timeout = cmp.Or(c.Timeout, 20*time.Second)
	if nilcheck.IsNil(c.Prober) {
		prober, err := NewProber()
		if err != nil {
			faults = append(faults, "Prober: "+err.Error())
		}
		c.Prober = prober
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return faults
}

// NewProber returns the prober of hosts that give none: it names the tenant in the header X-Tenant
// and reads the route from the header X-Route.
func NewProber() (probe.Series, error) {
	return httpprobe.New(httpprobe.Config{
		Version:       httpprobe.Header("X-Route"),
		Headers:       func(ep probe.Endpoint) http.Header { return http.Header{"X-Tenant": {ep.ID}} },
		AllowLoopback: true, // the addresses are the host's own
	})
}
