package bluegreen

import (
	"context"
	"errors"
)

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
type HTTPGateway struct{ client *client }

// NewHTTPGateway returns the gateway at baseURL, or a *[InvalidError].
func NewHTTPGateway(baseURL string, c HTTPConfig) (*HTTPGateway, error) {
	client, err := newClient(service{name: "Gateway API", prefix: "GATEWAY"}, baseURL, c)
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
	if err := g.client.get(ctx, tenantID, "/route", &route); err != nil {
		return "", err
	}
	if route.Colour == "" {
		return "", g.client.service.fail(badAnswer, errors.New("no colour"))
	}
	return route.Colour, nil
}

// Switch routes a tenant to c.To.
func (g *HTTPGateway) Switch(ctx context.Context, c Change) error {
	return g.client.put(ctx, c, "/route", map[string]string{"colour": c.To, "from": c.From})
}

// HTTPTenants is a [TenantService] over HTTP with JSON, as [HTTPGateway] is a
// gateway:
//
//	GET {base}/tenants/{id}          ->  {"id":"acme","name":"Acme","status":"GREEN"}
//	PUT {base}/tenants/{id}/status   <-  {"status":"BLUE","from":"GREEN"}
type HTTPTenants struct{ client *client }

// NewHTTPTenants returns the tenant service at baseURL, or a *[InvalidError].
func NewHTTPTenants(baseURL string, c HTTPConfig) (*HTTPTenants, error) {
	client, err := newClient(service{name: "Tenant API", prefix: "TENANT_SERVICE"}, baseURL, c)
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
	if err := h.client.get(ctx, tenantID, "", &answer); err != nil {
		return TenantInfo{}, err
	}
	switch {
	case answer.ID != tenantID:
		return TenantInfo{}, h.client.service.fail(badAnswer, errors.New("not the tenant asked for"))
	case answer.Status == nil: // an empty status is valid, a missing one is not
		return TenantInfo{}, h.client.service.fail(badAnswer, errors.New("no status"))
	}
	return TenantInfo{ID: answer.ID, Name: answer.Name, Status: *answer.Status}, nil
}

// UpdateStatus sets a tenant's status to c.To.
func (h *HTTPTenants) UpdateStatus(ctx context.Context, c Change) error {
	return h.client.put(ctx, c, "/status", map[string]string{"status": c.To, "from": c.From})
}
