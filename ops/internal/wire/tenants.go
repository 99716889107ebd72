package wire

import (
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Tenants is a list of tenants, in one of two forms.
type Tenants struct {
	TenantIDs []string
	Tenants   []Tenant
}

// Plan returns the list as package plan has it.
func (l Tenants) Plan() []task.Tenant {
	list := plan.Tenants(l.TenantIDs...)
	for _, t := range l.Tenants {
		list = append(list, task.Tenant(t))
	}
	return list
}

// Faults returns faults of a spec or a list of tenants, with the fields as the request names them.
func (l Tenants) Faults(faults []plan.Fault) []Fault {
	list := Faults(faults)
	for i := range list {
		if rest, is := strings.CutPrefix(list[i].Field, "tenants"); is && len(l.Tenants) == 0 {
			list[i].Field = "tenantIds" + strings.TrimSuffix(rest, ".id")
		}
	}
	return list
}

// AddCommand adds tenants to a plan. It has TenantIDs or Tenants, not both.
type AddCommand struct {
	Reason    string   `json:"reason"`
	TenantIDs []string `json:"tenantIds"`
	Tenants   []Tenant `json:"tenants"`
}

// Why returns the reason.
func (c *AddCommand) Why() string { return c.Reason }

// List returns the tenants.
func (c *AddCommand) List() Tenants { return Tenants{c.TenantIDs, c.Tenants} }

// ExcludeCommand skips the tasks of tenants.
type ExcludeCommand struct {
	Reason    string   `json:"reason"`
	TenantIDs []string `json:"tenantIds"`
	DryRun    bool     `json:"dryRun"`
}

// Why returns the reason.
func (c *ExcludeCommand) Why() string { return c.Reason }
