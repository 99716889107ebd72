package bluegreen

import (
	"context"

	"github.com/cutover-go/cutover/task"
)

// TenantService knows the tenants and keeps their status.
//
// Errors made with [executor.Fail] and [executor.Retryable] become the task's
// failure as they are.
type TenantService interface {
	// TenantInfo returns what is known of a tenant.
	TenantInfo(ctx context.Context, tenantID string) (TenantInfo, error)
	// UpdateStatus sets a tenant's status to c.To. Doing so again is harmless, and it
	// is called also when the status is c.To already, see [Change.Token].
	UpdateStatus(ctx context.Context, c Change) error
}

// Gateway routes every tenant to one colour.
type Gateway interface {
	// Current returns the colour that the tenant is routed to.
	Current(ctx context.Context, tenantID string) (colour string, err error)
	// Switch routes a tenant to colour c.To. Doing so again is harmless, and it is
	// called also when the tenant is there already, see [Change.Token]. A gateway
	// that can compares with c.From, and fails with TENANT_MOVED_ON if the tenant is
	// neither there nor at c.To.
	Switch(ctx context.Context, c Change) error
}

// TenantInfo is what the tenant service tells of a tenant. It is part of the
// checkpoint and of the undo log: keep what you put into it short.
type TenantInfo struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Status string `json:"status"`
}

// Change is one change of a tenant's colour or status.
type Change struct {
	TenantID string
	// From is what the task found at its start or has made of it, To what it
	// becomes.
	From, To string
	// Token is greater at every claim of the task. A service that remembers the
	// greatest per tenant can refuse a worker that lost its task long ago, and a change
	// that it itself carries out late, after it gave no answer or 504. It does so if it
	// compares when the change takes effect, and remembers the token also of a change
	// that finds nothing to do. Without such a service a late change wins.
	Token task.Token
	// Key is the same whenever the same change is sent again, and no other's. A
	// service that remembers keys must compare the token first, and forget a key when
	// the tenant changes otherwise: an attempt from scratch may have to make the change
	// anew.
	Key string
}
