package task

import "maps"

// MaxTenantID is the maximum length of a tenant's id in bytes.
const MaxTenantID = 128

// Tenant is the tenant that a task works on. Only the ID is required.
type Tenant struct {
	// ID names the tenant: 1 to [MaxTenantID] bytes of UTF-8, unique in its plan.
	ID string
	// Labels group tenants, for instance by region.
	Labels map[string]string
	// Parameters are passed to the executor and override those of the plan, key by key.
	Parameters map[string]string
}

// Merge returns base overridden by over, key by key. The result may be base or over itself: treat
// it as read-only.
func Merge(base, over map[string]string) map[string]string {
	if len(over) == 0 {
		return base
	}
	if len(base) == 0 {
		return over
	}
	merged := maps.Clone(base)
	maps.Copy(merged, over)
	return merged
}
