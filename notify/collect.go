package notify

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Bounds of a message, however many failures it reports.
const (
	maxCauses  = 10
	maxTenants = 3
	maxReason  = 300
)

// group collects failures for one message. It has the same size for one failure and for 100,000.
type group struct {
	first, last plan.Event
	failures    int
	causes      []Cause
	others      int
}

// add counts the failure of an event.
func (g *group) add(e plan.Event) {
	if g.failures == 0 {
		g.first = e
	}
	g.last = e
	g.count(e.Tenant, e.Failure)
}

// count counts the failure of a tenant.
func (g *group) count(tenant string, f *task.FailureInfo) {
	g.failures++
	if f == nil {
		f = &task.FailureInfo{ErrorCode: task.CodeInternal}
	}
	i := slices.IndexFunc(g.causes, func(c Cause) bool { return c.Code == f.ErrorCode && c.Step == f.Step })
	switch {
	case i < 0 && len(g.causes) == maxCauses:
		g.others++
		return
	case i < 0:
		i = len(g.causes)
		g.causes = append(g.causes, Cause{Code: f.ErrorCode, Step: f.Step, Reason: task.Cut(f.Reason, maxReason)})
	}
	c := &g.causes[i]
	c.Count++
	if len(c.Tenants) < maxTenants {
		c.Tenants = append(c.Tenants, tenant)
	}
}

// fill puts the failures into a message.
func (g *group) fill(m *Message) {
	slices.SortStableFunc(g.causes, func(a, b Cause) int { return cmp.Compare(b.Count, a.Count) })
	m.Failures, m.Causes, m.Others = g.failures, g.causes, g.others
}

// messageID returns the id of the message about some events of a plan.
func messageID(cursor string, id plan.ID, first, last int64) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %d %d", cursor, id, first, last))
	return "msg_" + hex.EncodeToString(sum[:16])
}

// message returns a message about events of a plan, without its texts.
func (n *Notifier) message(kind Kind, severity Severity, p plan.Plan, first, last int64) *Message {
	m := &Message{
		ID: messageID(n.cursorName(), p.ID, first, last), Notifier: n.name, Kind: kind, Severity: severity,
		Plan: p.ID, PlanName: p.Name, First: first, Last: last,
	}
	if n.cfg.BaseURL != "" {
		m.Link = n.cfg.BaseURL + "?plan=" + p.ID.String()
	}
	return m
}

// aboutEvent returns the message about one event.
func (n *Notifier) aboutEvent(kind Kind, severity Severity, p plan.Plan, e plan.Event) *Message {
	m := n.message(kind, severity, p, e.Seq, e.Seq)
	m.At, m.Event = e.At.UTC(), eventOf(e)
	n.texts().describe(m)
	return m
}

// aboutGroup returns the message about failures.
func (n *Notifier) aboutGroup(p plan.Plan, g *group) *Message {
	m := n.message(KindFailures, Error, p, g.first.Seq, g.last.Seq)
	m.At = g.last.At.UTC()
	g.fill(m)
	n.texts().describe(m)
	return m
}
