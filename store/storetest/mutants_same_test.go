package storetest

import (
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// groupsNothing knows no failure groups.
func groupsNothing(p *plan.Plan) { p.FailureGroups = nil }

// groupsByCode takes the failures with one code for one group.
func groupsByCode(p *plan.Plan) {
	var groups []plan.FailureGroup
	for _, g := range p.FailureGroups {
		if n := len(groups); n > 0 && groups[n-1].ErrorCode == g.ErrorCode {
			groups[n-1].Failed += g.Failed
			groups[n-1].Acknowledged += g.Acknowledged
			continue
		}
		groups = append(groups, g)
	}
	p.FailureGroups = groups
}

// knowsNoSame bounds no failures of one group.
func knowsNoSame(c *store.Command) { c.Plan.Grant.MaxSameFailures = 0 }

// acknowledgesNoGroups does not acknowledge the failures of groups.
func acknowledgesNoGroups(c *store.Command) { c.Acknowledges = false }
