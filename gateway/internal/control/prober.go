package control

import (
	"net/http"

	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// NewProber returns the prober of gateways that are given none: it names the tenant in the header
// X-Tenant and reads the route from the header X-Route.
func NewProber() (probe.Prober, error) {
	return httpprobe.New(httpprobe.Config{
		Version:       httpprobe.Header("X-Route"),
		Headers:       func(ep probe.Endpoint) http.Header { return http.Header{"X-Tenant": {ep.ID}} },
		AllowLoopback: true, // the addresses are the host's own
	})
}
