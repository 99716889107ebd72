package otelcutover

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/redisack"
)

// worst returns at most n of the endpoints: first those that have neither confirmed nor left, then
// those that took the longest, in the order in which they answered.
func worst(rows []redisack.EndpointReport, n int) []*redisack.EndpointReport {
	all := make([]*redisack.EndpointReport, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	if len(all) > n {
		slices.SortStableFunc(all, func(a, b *redisack.EndpointReport) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.ConfirmedAfter, a.ConfirmedAfter))
		})
		all = all[:n]
	}
	slices.SortStableFunc(all, func(a, b *redisack.EndpointReport) int { return cmp.Compare(a.LastSeen, b.LastSeen) })
	return all
}

func rank(row *redisack.EndpointReport) int {
	switch row.Reason {
	case redisack.ReasonConfirmed:
		return 1
	case redisack.ReasonGone:
		return 2
	}
	return 0
}
