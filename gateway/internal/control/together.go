package control

import (
	"context"
	"maps"
	"slices"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/redisack/probe"
)

// savedRequest is a request whose row is saved.
type savedRequest struct {
	*request
	out outcome
}

// tell gives its caller what is known.
func (s savedRequest) tell() { s.done <- s.out }

// confirmTogether confirms the rows of one change of the table for all callers at once: each member
// is brought to the change by one synchronisation, and then asked for all tenants over connections
// that are made afterwards. Callers are told as soon as their part is known. What is not confirmed
// at this first try, for whatever reason, is left to the callers.
//
// It is run by one of the callers, whose context is ctx.
func (c *Controller) confirmTogether(ctx context.Context, all []savedRequest, rev uint64) {
	left := all
	defer func() { // also if a function of the host panics
		for _, s := range left {
			s.tell()
		}
	}()
	prober, ok := c.Prober.(probe.Series)
	if !ok || c.Answers != 1 {
		return
	}
	// The callers need time of their own to find out which member does not confirm, and why.
	ctx, cancel := context.WithTimeout(ctx, min(attemptTimeout, c.Timeout/2))
	defer cancel()
	members, err := c.Members(ctx)
	if err != nil || !c.reachAll(ctx, members, rev) {
		return
	}
	byColour := map[string][]savedRequest{}
	for _, s := range all {
		key := backends(s.out.row)
		byColour[key] = append(byColour[key], s)
	}
	left = nil // the parts tell their callers
	colours := slices.Collect(maps.Keys(byColour))
	atOnce(len(colours), func(i int) { c.askFor(ctx, prober, members, colours[i], byColour[colours[i]]) })
}

// reachAll brings every member to a revision. It reports whether all are there.
func (c *Controller) reachAll(ctx context.Context, members []*Member, rev uint64) bool {
	reached := make([]bool, len(members))
	each(members, func(i int, m *Member) {
		reached[i] = m.Insight == nil && m.reach(ctx, rev, c.Table) == nil
	})
	return !slices.Contains(reached, false)
}

// askFor asks members for tenants that are wanted at one colour, and tells their callers. A series
// that is not confirmed as a whole ends it: the callers that are left find out why.
func (c *Controller) askFor(ctx context.Context, prober probe.Series, members []*Member, colour string, all []savedRequest) {
	defer func() {
		for _, s := range all {
			s.tell()
		}
	}()
	for sure := true; sure && len(all) > 0 && ctx.Err() == nil; {
		part := all[:min(len(all), maxSeries)]
		tenants := make([]string, len(part))
		for i, s := range part {
			tenants[i] = s.tenant
		}
		found := make([][]probe.Result, len(members))
		each(members, func(i int, m *Member) { found[i] = m.questionsOf(colour).ask(ctx, prober, m.URL, tenants...) })
		now, err := c.Members(ctx)
		same := err == nil && slices.Equal(now, members) // who joins has to confirm
		for i := range part {
			part[i].out.confirmed = same && servedByAll(found, i, members, part[i].out.row)
			sure = sure && part[i].out.confirmed
			part[i].tell()
		}
		all = all[len(part):]
	}
}

// servedByAll reports whether each member has answered the i-th question by the wanted row.
func servedByAll(found [][]probe.Result, i int, members []*Member, want gateway.Row) bool {
	text := want.String()
	for n, results := range found {
		if results[i].Err != nil || results[i].Observation.Version != text {
			return false
		}
		if by := results[i].Observation.Instance; by != "" && by != members[n].Name {
			return false
		}
	}
	return len(found) > 0
}
