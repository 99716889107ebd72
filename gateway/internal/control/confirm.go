package control

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cutover-go/cutover/gateway"
	"github.com/cutover-go/cutover/redisack/probe"
)

const (
	// attemptTimeout bounds one try to bring a member up to date, and one question, so that a proxy
	// that answers nothing does not hide that the others have confirmed.
	attemptTimeout = 5 * time.Second
	firstPause     = 10 * time.Millisecond
	longestPause   = 500 * time.Millisecond
	// behindPause is the pause while proxies that are up to date do not answer so yet, as nginx
	// does for some time after a reload. It applies to the first behindRounds rounds.
	behindPause  = 20 * time.Millisecond
	behindRounds = 50
)

// manner says which members a confirmation may leave out.
type manner int

const (
	// patiently tries again with every member until the time is over.
	patiently manner = iota
	// leavingOut leaves out the members that cannot be reached or written to, once all others have
	// confirmed.
	leavingOut
)

// confirm waits until every member of the fleet serves a row. The fleet is listed anew each round,
// and once more after the last one has confirmed: a member that joins has to confirm, and one that
// leaves need not. The time for it runs since the row was saved.
func (c *Controller) confirm(ctx context.Context, tenant string, want gateway.Row, since time.Time, how manner) error {
	ctx, cancel := context.WithDeadline(ctx, since.Add(c.Timeout))
	defer cancel()
	confirmed := map[*Member]bool{}
	var last []gateway.InstanceReport
	wait := firstPause
	for round := 1; ; round++ {
		members, err := c.Members(ctx)
		if err != nil && !over(ctx) {
			return &fleetError{err}
		}
		if err == nil {
			done := c.round(ctx, tenant, want, members, confirmed, &last)
			if done || how == leavingOut && onlyUnreachable(last) {
				return nil
			}
			if allConfirmed(last) {
				continue
			}
		}
		result := &gateway.NotConfirmedError{Tenant: tenant, Want: want, Instances: last}
		if errors.Is(result, gateway.ErrDamaged) || isSuperseded(result) || isRefused(last, how) {
			return result
		}
		if Pause(ctx, wait) != nil {
			return result
		}
		if wait = min(2*wait, longestPause); onlyBehind(last) && round < behindRounds {
			wait = min(wait, behindPause)
		}
	}
}

// onlyBehind reports whether each member has answered, by the wanted row or an older one.
func onlyBehind(reports []gateway.InstanceReport) bool {
	return !slices.ContainsFunc(reports, func(r gateway.InstanceReport) bool { return r.Err != nil || !r.Confirmed && r.Found == "" })
}

// round asks the members that have not confirmed yet. It reports whether no one was left to ask.
func (c *Controller) round(ctx context.Context, tenant string, want gateway.Row, members []*Member,
	confirmed map[*Member]bool, last *[]gateway.InstanceReport,
) bool {
	reports := make([]gateway.InstanceReport, len(members))
	var left []*Member
	var at []int // in reports
	for i, m := range members {
		reports[i] = gateway.InstanceReport{Instance: m.Name, Confirmed: confirmed[m]}
		if !confirmed[m] {
			left, at = append(left, m), append(at, i)
		}
	}
	before := *last
	each(left, func(i int, m *Member) {
		report := c.attempt(ctx, m, tenant, want)
		if over(ctx) && report.Found == "" { // the end of the wait tells nothing about the proxy
			for _, r := range before {
				if r.Instance == m.Name && !r.Confirmed && (r.Found != "" || r.Err != nil) {
					report = r
				}
			}
		}
		reports[at[i]] = report
	})
	for i, m := range left {
		if reports[at[i]].Confirmed {
			confirmed[m] = true
		}
	}
	*last = reports
	return len(left) == 0
}

// over reports whether the time of a context has ended. A connection with the same deadline can
// report that a moment before the context does.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// attempt brings a member up to date and asks it through the data path.
func (c *Controller) attempt(ctx context.Context, m *Member, tenant string, want gateway.Row) gateway.InstanceReport {
	report := gateway.InstanceReport{Instance: m.Name}
	if !m.has(want.Rev) {
		report.Err = within(ctx, func(ctx context.Context) error { return m.reach(ctx, want.Rev, c.Table) })
	}
	if report.Err != nil {
		return report
	}
	for n := range c.Answers {
		if n > 0 && Pause(ctx, c.Spacing) != nil {
			return report
		}
		found, err := c.ask(ctx, m, tenant, backends(want))
		if err != nil {
			report.Err = m.because(err, want)
			return report
		}
		report.Found = found.String()
		if found != want {
			m.markDiffers()
			report.Err = c.explain(ctx, m, tenant, want, found)
			return report
		}
	}
	report.Confirmed = true
	return report
}

// observe asks a member for the route of a tenant, over a connection that is made for this question
// and others of tenants that are wanted at the same colour: a colour whose servers do not answer
// holds up none of another.
func (c *Controller) observe(ctx context.Context, m *Member, tenant, colour string) (seen probe.Observation, err error) {
	if series, ok := c.Prober.(probe.Series); ok {
		r := m.questionsOf(colour).ask(ctx, series, m.URL, tenant)[0]
		return r.Observation, r.Err
	}
	select {
	case m.asks <- struct{}{}:
		defer func() { <-m.asks }()
	case <-ctx.Done():
		return seen, ctx.Err()
	}
	err = within(ctx, func(ctx context.Context) (err error) {
		seen, err = c.Prober.Probe(ctx, probe.Endpoint{ID: tenant, URL: m.URL})
		return err
	})
	return seen, err
}

// ask returns the row that a member serves for a tenant which is wanted at a colour.
func (c *Controller) ask(ctx context.Context, m *Member, tenant, colour string) (gateway.Row, error) {
	if m.Insight != nil {
		row, known, err := m.insight(ctx, tenant)
		if known || err != nil {
			return row, err
		}
	}
	seen, err := c.observe(ctx, m, tenant, colour)
	if err != nil {
		return gateway.Row{}, c.unanswered(m, err)
	}
	if seen.Instance != "" && seen.Instance != m.Name {
		return gateway.Row{}, &gateway.SetupError{
			Expected: "instance " + m.Name + " at its URL", Found: fmt.Sprintf("instance %.64q", seen.Instance),
		}
	}
	row, err := gateway.ParseRow(seen.Version)
	if err != nil {
		return gateway.Row{}, &gateway.SetupError{
			Expected: "a route of the form colour|revision|token", Found: fmt.Sprintf("%.64q", seen.Version), Err: err,
		}
	}
	if m.Insight != nil {
		m.Insight.Answered(row)
	}
	return row, nil
}

// insight asks what is known of a member, as one of its questions.
func (m *Member) insight(ctx context.Context, tenant string) (row gateway.Row, known bool, err error) {
	select {
	case m.asks <- struct{}{}:
		defer func() { <-m.asks }()
	case <-ctx.Done():
		return row, false, ctx.Err()
	}
	err = within(ctx, func(ctx context.Context) (err error) {
		row, known, err = m.Insight.Ask(ctx, tenant)
		return err
	})
	return row, known, err
}

// because adds to a failure to ask what else is known of the proxy.
func (m *Member) because(err error, want gateway.Row) error {
	if m.Insight != nil {
		if reason := m.Insight.Behind(want); reason != nil && !strings.Contains(err.Error(), reason.Error()) {
			return fmt.Errorf("%w; %w", err, reason)
		}
	}
	return err
}

// within calls f with a context that ends after attemptTimeout.
func within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	return f(ctx)
}

// explain returns why a proxy may serve another row than the wanted one, nil if it is only behind.
func (c *Controller) explain(ctx context.Context, m *Member, tenant string, want, found gateway.Row) error {
	rows, rev, err := c.Table.Load(ctx)
	switch {
	case err != nil:
		return &tableError{err}
	case c.row(rows, tenant) != want:
		return errSuperseded
	case found.Rev > want.Rev: // the table has no such row, and so has lost it
		return fmt.Errorf("%w: a proxy serves revision %d, the table has %d and is at %d", gateway.ErrDamaged, found.Rev, want.Rev, rev)
	case found.Rev == 0 && found.Colour != c.Default && c.Default != "":
		return &gateway.SetupError{
			Expected: fmt.Sprintf("the default colour %q", c.Default), Found: fmt.Sprintf("%q for a tenant without a row", found.String()),
		}
	case m.Insight != nil:
		if reason := m.Insight.Behind(want); reason != nil {
			return fmt.Errorf("it serves %q: %w", found.String(), reason)
		}
	}
	return nil
}

// isRefused reports whether trying again is of no use: a member is not set up as expected or, if
// such members are left out, all are that have not confirmed.
func isRefused(reports []gateway.InstanceReport, how manner) bool {
	refused, others := false, false
	for _, r := range reports {
		if errors.Is(r.Err, gateway.ErrSetup) {
			refused = true
		} else if !r.Confirmed {
			others = true
		}
	}
	return refused && (how == patiently || !others)
}

func allConfirmed(reports []gateway.InstanceReport) bool {
	return !slices.ContainsFunc(reports, func(r gateway.InstanceReport) bool { return !r.Confirmed })
}

// onlyUnreachable reports whether each member has confirmed or cannot be reached, and at least one
// has confirmed.
func onlyUnreachable(reports []gateway.InstanceReport) bool {
	some := false
	for _, r := range reports {
		if !r.Confirmed && (r.Err == nil || r.Found != "") {
			return false
		}
		some = some || r.Confirmed
	}
	return some
}

// each calls f for each member at the same time and waits.
func each(members []*Member, f func(int, *Member)) {
	atOnce(len(members), func(i int) { f(i, members[i]) })
}

// atOnce calls f for 0 to n-1 at the same time and waits. A panic of a function of the host is
// one of the caller, as if it had called f itself: whoever runs tasks survives that.
func atOnce(n int, f func(int)) {
	if n == 1 {
		f(0)
		return
	}
	panics := make([]any, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			defer func() { panics[i] = recover() }()
			f(i)
		})
	}
	all.Wait()
	for _, value := range panics {
		if value != nil {
			panic(value)
		}
	}
}
