package wire

import (
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Tenants is a list of tenants, in one of three forms.
type Tenants struct {
	TenantIDs []string
	Tenants   []Tenant
	Uploaded  *Uploaded
}

// Uploaded are tenants that came as a list of lines. Lines has the line of each, from 1.
type Uploaded struct {
	Tenants []task.Tenant
	Lines   []int32
}

// Plan returns the list as package plan has it.
func (l Tenants) Plan() []task.Tenant {
	if l.Uploaded != nil {
		return l.Uploaded.Tenants
	}
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
		if l.Uploaded != nil {
			l.Uploaded.place(&list[i])
			continue
		}
		if rest, is := strings.CutPrefix(list[i].Field, "tenants"); is && len(l.Tenants) == 0 {
			list[i].Field = "tenantIds" + strings.TrimSuffix(rest, ".id")
		}
	}
	return list
}

// place gives a fault of a tenant its line.
func (u *Uploaded) place(f *Fault) {
	rest, is := strings.CutPrefix(f.Field, "tenants[")
	number, rest, _ := strings.Cut(rest, "]")
	if i, err := strconv.Atoi(number); is && err == nil && i < len(u.Lines) {
		f.Field, f.Line = "tenants"+rest, int(u.Lines[i])
	}
}

// AddCommand adds tenants to a plan. It has TenantIDs, Tenants or Uploaded.
type AddCommand struct {
	Reason    string    `json:"reason"`
	TenantIDs []string  `json:"tenantIds"`
	Tenants   []Tenant  `json:"tenants"`
	Uploaded  *Uploaded // not a member
}

// Why returns the reason.
func (c *AddCommand) Why() string { return c.Reason }

// List returns the tenants.
func (c *AddCommand) List() Tenants { return Tenants{c.TenantIDs, c.Tenants, c.Uploaded} }

// Part returns the name of the part of an upload that has the command.
func (c *AddCommand) Part() string { return "command" }

// Upload takes tenants that were uploaded, and reports whether the command has others.
func (c *AddCommand) Upload(u *Uploaded) (others bool) {
	c.Uploaded = u
	return c.TenantIDs != nil || c.Tenants != nil
}

// ExcludeCommand skips the tasks of tenants.
type ExcludeCommand struct {
	Reason    string   `json:"reason"`
	TenantIDs []string `json:"tenantIds"`
	DryRun    bool     `json:"dryRun"`
}

// Why returns the reason.
func (c *ExcludeCommand) Why() string { return c.Reason }
