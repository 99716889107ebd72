package wire

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/plan"
)

// FailureGroup counts the tasks of a plan that are FAILED with one error code in one step.
type FailureGroup struct {
	ErrorCode    string `json:"errorCode"`
	Step         string `json:"step,omitempty"`
	Count        int    `json:"count"`
	Acknowledged int    `json:"acknowledged,omitzero"`
}

// failureGroupsOf returns the groups of a plan, the largest first.
func failureGroupsOf(p *plan.Plan) []FailureGroup {
	var groups []FailureGroup
	for _, g := range p.FailureGroups {
		groups = append(groups, FailureGroup{ErrorCode: g.ErrorCode, Step: g.Step, Count: g.Failed, Acknowledged: g.Acknowledged})
	}
	slices.SortStableFunc(groups, func(a, b FailureGroup) int { return cmp.Compare(b.Count, a.Count) })
	return groups
}
