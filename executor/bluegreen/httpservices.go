package bluegreen

import (
	"context"
	"net/http"
	"time"

	"github.com/cutover-go/cutover/executor/internal/tenanthttp"
)

// The headers of every change.
const (
	// HeaderKey carries [Change.Key]. It also allows net/http to send a change again when a
	// kept-alive connection turns out to be closed.
	HeaderKey = tenanthttp.HeaderKey
	// HeaderToken carries [Change.Token] as a decimal number.
	HeaderToken = tenanthttp.HeaderToken
)

// HTTPConfig configures [HTTPGateway] and [HTTPTenants]. The zero value is ready to use.
type HTTPConfig struct {
	// Timeout bounds each call. Default 10 s.
	Timeout time.Duration
	// Header is added to each request, for instance an Authorization header. It is refused if it
	// has a line break or another control character, as a secret from a file may have, or contains
	// [HeaderKey] or [HeaderToken]. No error contains it. Default: none.
	Header http.Header
	// Transport makes the calls; the host owns it. Set it for certificates, proxies and connection
	// limits. Default: [http.DefaultTransport].
	Transport http.RoundTripper
}

func newClient(s tenanthttp.Service, baseURL string, c HTTPConfig) (*tenanthttp.Client, error) {
	client, faults := tenanthttp.New(s, baseURL, tenanthttp.Config(c))
	if len(faults) > 0 {
		return nil, &InvalidError{Faults: faults}
	}
	return client, nil
}

// request returns what identifies the change in a request.
func (c Change) request() tenanthttp.Change {
	return tenanthttp.Change{TenantID: c.TenantID, Token: c.Token, Key: c.Key}
}

// HTTPGateway is a [Gateway] over HTTP with JSON:
//
//	GET {base}/tenants/{id}/route   ->  {"colour":"green"}
//	PUT {base}/tenants/{id}/route   <-  {"colour":"blue","from":"green"}
//
// A GET must be answered with 200, a PUT with any 2xx. A 2xx to a PUT proves nothing: the executor
// checks the result with a GET. 404 is TENANT_NOT_FOUND, 412 is TENANT_MOVED_ON; the package
// comment lists the other failures. An answer to a GET or PUT that is HTML, or contains another
// tenant's "id", is a bad answer. Retry-After is honoured, see [executor.Retry]. A PUT carries
// [HeaderKey] and [HeaderToken]. Redirects are not followed, and the size of bodies is limited.
type HTTPGateway struct{ client *tenanthttp.Client }

// NewHTTPGateway returns the gateway at baseURL, or a *[InvalidError].
func NewHTTPGateway(baseURL string, c HTTPConfig) (*HTTPGateway, error) {
	client, err := newClient(tenanthttp.Service{Name: "Gateway API", Prefix: "GATEWAY"}, baseURL, c)
	if err != nil {
		return nil, err
	}
	return &HTTPGateway{client}, nil
}

// Current returns the colour to which the tenant is routed.
func (g *HTTPGateway) Current(ctx context.Context, tenantID string) (string, error) {
	var route struct {
		Colour string `json:"colour"`
	}
	if err := g.client.Get(ctx, tenantID, "/route", &route); err != nil {
		return "", err
	}
	if route.Colour == "" {
		return "", g.client.BadAnswer("no colour")
	}
	return route.Colour, nil
}

// Switch routes a tenant to c.To.
func (g *HTTPGateway) Switch(ctx context.Context, c Change) error {
	return g.client.Put(ctx, c.request(), "/route", map[string]string{"colour": c.To, "from": c.From})
}

// HTTPTenants is a [TenantService] over HTTP with JSON, as [HTTPGateway] is a
// gateway:
//
//	GET {base}/tenants/{id}          ->  {"id":"acme","name":"Acme","status":"GREEN"}
//	PUT {base}/tenants/{id}/status   <-  {"status":"BLUE","from":"GREEN"}
type HTTPTenants struct{ client *tenanthttp.Client }

// NewHTTPTenants returns the tenant service at baseURL, or a *[InvalidError].
func NewHTTPTenants(baseURL string, c HTTPConfig) (*HTTPTenants, error) {
	client, err := newClient(tenanthttp.Service{Name: "Tenant API", Prefix: "TENANT_SERVICE"}, baseURL, c)
	if err != nil {
		return nil, err
	}
	return &HTTPTenants{client}, nil
}

// TenantInfo returns what the tenant service knows about a tenant.
func (h *HTTPTenants) TenantInfo(ctx context.Context, tenantID string) (TenantInfo, error) {
	var answer struct {
		ID     string  `json:"id"`
		Name   string  `json:"name"`
		Status *string `json:"status"`
	}
	if err := h.client.Get(ctx, tenantID, "", &answer); err != nil {
		return TenantInfo{}, err
	}
	switch {
	case answer.ID != tenantID:
		return TenantInfo{}, h.client.BadAnswer("not the tenant asked for")
	case answer.Status == nil: // an empty status is valid, a missing one is not
		return TenantInfo{}, h.client.BadAnswer("no status")
	}
	return TenantInfo{ID: answer.ID, Name: answer.Name, Status: *answer.Status}, nil
}

// UpdateStatus sets a tenant's status to c.To.
func (h *HTTPTenants) UpdateStatus(ctx context.Context, c Change) error {
	return h.client.Put(ctx, c.request(), "/status", map[string]string{"status": c.To, "from": c.From})
}
