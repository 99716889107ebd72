package bluegreen

import (
	"context"

	"github.com/cutover-go/cutover/task"
)

// TenantService knows the tenants and stores their status.
//
// Errors made with [executor.Fail] and [executor.Retryable] become the task's failure unchanged.
type TenantService interface {
	// TenantInfo returns what the service knows about a tenant.
	TenantInfo(ctx context.Context, tenantID string) (TenantInfo, error)
	// UpdateStatus sets a tenant's status to c.To. It must be safe to repeat, and is called even if
	// the status is c.To already, see [Change.Token].
	UpdateStatus(ctx context.Context, c Change) error
}

// Gateway routes every tenant to one colour.
type Gateway interface {
	// Current returns the colour to which the tenant is routed.
	Current(ctx context.Context, tenantID string) (colour string, err error)
	// Switch routes a tenant to colour c.To. It must be safe to repeat, and is called even if the
	// tenant is routed to c.To already, see [Change.Token]. A gateway that can compare the current
	// colour should fail with TENANT_MOVED_ON if it is neither c.From nor c.To.
	Switch(ctx context.Context, c Change) error
}

// TenantInfo is what the tenant service reports about a tenant. It becomes part of the checkpoint
// and of the undo log, so its values should be short.
type TenantInfo struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Status string `json:"status"`
}

// Change is one change of a tenant's colour or status.
type Change struct {
	TenantID string
	// From is the value that the task found at its start or has set itself; To is the new value.
	From, To string
	// Token is greater at every claim of the task. A service that remembers the greatest token per
	// tenant can refuse a change by a worker that lost its task long ago, and a change that the
	// service itself carries out late, after it gave no answer or 504. For that it must compare the
	// tokens when the change takes effect, and must also remember the token of a change that finds
	// nothing to do. In a service that does not compare them, a late change wins.
	Token task.Token
	// Key is the same whenever the same change is sent again, and different for every other change.
	// A service that remembers keys must compare the token first, and must forget a key when the
	// tenant is changed in another way: an attempt from scratch may have to make the same change
	// again.
	Key string
}
