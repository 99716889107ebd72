package redisack

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/redisack/probe"
)

// enlist looks the fleet up for the first time. Nothing has been written yet.
func (r *run) enlist() error {
	list, err := await(r.ctx, func() ([]Endpoint, error) { return r.check.Fleet.Members(r.ctx) })
	if err != nil {
		if r.ctx.Err() != nil {
			return r.failed(r.expired())
		}
		return r.failed(ending{reason: ReasonNoEndpoints, cause: fmt.Errorf("fleet: %w", err)})
	}
	var f faults
	checkMembers(list, r.check.Prober, &f)
	r.members = make([]*member, 0, len(list))
	r.slab = make([]member, len(list))
	r.byID = make(map[string]*member, len(list))
	r.claims = make(map[string]*member, len(list))
	r.census = newCensus()
	for _, ep := range list {
		r.enter(ep)
	}
	r.initial = len(list)
	r.policy.Quorum.check(r.census.counts, &f)
	f.when(len(list) > 0 && r.policy.MinMembers > len(list), "Policy.MinMembers",
		fmt.Sprintf("is %d, of %d members", r.policy.MinMembers, len(list)))
	if err := f.err(); err != nil {
		return err
	}
	if len(list) == 0 && !r.policy.AllowEmpty {
		return r.failed(ending{reason: ReasonNoEndpoints})
	}
	return nil
}

// enter makes a member.
func (r *run) enter(ep Endpoint) *member {
	m := new(member)
	if len(r.slab) > 0 { // the first members are allocated together
		m, r.slab = &r.slab[0], r.slab[1:]
	}
	*m = member{ep: ep, pos: -1, timeout: r.policy.FirstAttemptTimeout}
	m.row = EndpointReport{ID: r.freeName(ep), Group: ep.Group, Reason: ReasonPending}
	r.members = append(r.members, m)
	r.byID[identityOf(ep)] = m
	if ep.ID != "" {
		r.claims[ep.ID] = m
	}
	r.census.enter(m)
	r.changed = true
	return m
}

// freeName tells apart endpoints whose URLs differ only in what is not shown.
func (r *run) freeName(ep Endpoint) string {
	name := cleanID(nameOf(ep))
	if ep.ID != "" {
		return name
	}
	if r.shown == nil {
		r.shown = make(map[string]int)
	}
	if r.shown[name]++; r.shown[name] > 1 {
		return fmt.Sprintf("%s#%d", name, r.shown[name])
	}
	return name
}

// leave makes a member gone. It never counts as confirmed again.
func (r *run) leave(m *member) {
	r.changed = true
	if r.claims[m.instance] == m {
		delete(r.claims, m.instance)
	}
	if r.claims[m.ep.ID] == m {
		delete(r.claims, m.ep.ID)
	}
	r.lastReason = ReasonGone
	r.conclude(m, standsGone)
}

// identify finds out whom an answer stands for. kept is false when it counts for nobody.
func (r *run) identify(m *member, obs Observation) (_ *member, kept bool) {
	if obs.Instance == "" || obs.Instance == m.instance {
		return m, true
	}
	holder := r.claims[obs.Instance]
	switch {
	case holder == m:
		m.answers(obs.Instance)
		return m, true
	case holder != nil:
		err := fmt.Errorf("instance %q already stands for %s", cleanID(obs.Instance), holder.row.ID)
		delay := r.policy.Interval.next(m.waits)
		r.fail(m, &ProbeError{Kind: probe.KindInstance, Status: obs.Status, Err: err}, delay)
		return nil, false
	case m.ep.ID == "":
		if r.claims[m.instance] == m { // another process answers there now
			delete(r.claims, m.instance)
			m.matches = 0
		}
		m.answers(obs.Instance)
		r.claims[obs.Instance] = m
		return m, true
	}
	return r.displace(m, obs.Instance)
}

// displace takes account of a stranger at a member's address: the member is gone, the stranger joins.
func (r *run) displace(m *member, instance string) (*member, bool) {
	r.leave(m)
	r.warn(fmt.Sprintf("instance %q answers at the address of %s, which counts as gone: replaced, or misnamed in the fleet",
		cleanID(instance), m.row.ID))
	m.displaced = true
	if r.displaced == nil {
		r.displaced = make(map[string]*member)
	}
	r.displaced[identityOf(m.ep)] = m
	if r.policy.IgnoreJoiners {
		return nil, false
	}
	m.heir = r.enter(Endpoint{ID: instance, URL: m.ep.URL, Group: m.ep.Group})
	m.heir.answers(instance)
	return m.heir, true
}

// refresh is a new look at the fleet.
type refresh struct {
	list []Endpoint
	err  error
}

// startRefresh looks the fleet up in the background. There is one look at a time: while one does not return, the list
// stays as it is.
func (r *run) startRefresh() {
	r.refreshing = true
	r.helpers++
	go func() {
		fresh := refresh{err: errNoAnswer}
		defer func() {
			if value := recover(); value != nil {
				fresh.err = panicError(value)
			}
			r.refreshed <- fresh // has room
		}()
		ctx, cancel := context.WithTimeout(r.ctx, max(r.policy.RefreshEvery, minRefreshTime))
		defer cancel()
		fresh.list, fresh.err = r.check.Fleet.Members(ctx)
	}()
}

// minRefreshTime is what a look at the fleet may take at least.
const minRefreshTime = time.Second

// takeRefresh takes in a new list. A look that failed changes nothing.
func (r *run) takeRefresh(fresh refresh) {
	r.refreshing = false
	r.helpers--
	r.nextRefresh = r.now() + r.policy.RefreshEvery
	var f faults
	checkMembers(fresh.list, r.check.Prober, &f)
	if fresh.err == nil {
		fresh.err = f.err()
	}
	if fresh.err != nil {
		r.warn(fmt.Sprintf("the fleet was not refreshed: %v", fresh.err))
		return
	}
	listed := make(map[*member]bool, len(fresh.list))
	for _, ep := range fresh.list {
		if m := r.readmit(ep); m != nil {
			listed[m] = true
		}
	}
	for _, m := range r.members {
		if m.standing != standsGone && !listed[m] {
			r.leave(m)
		}
	}
}

// readmit returns the member that a listed endpoint stands for, nil for none.
func (r *run) readmit(ep Endpoint) *member {
	if m, known := r.standIn(ep); known {
		return m
	}
	m := r.byID[identityOf(ep)]
	switch {
	case m == nil || m.standing == standsGone:
		if r.policy.IgnoreJoiners {
			return nil
		}
		m = r.enter(ep)
	case m.ep.Group != ep.Group:
		r.leave(m)
		m = r.enter(ep)
	case m.ep.URL != ep.URL:
		r.relocate(m, ep)
		return m
	default:
		return m
	}
	r.replan(m)
	return m
}

// standIn returns who answers where the endpoint is listed, if that is known to be somebody else: a stranger, or the
// stranger that has taken the stranger's place.
func (r *run) standIn(ep Endpoint) (m *member, known bool) {
	m, known = r.displaced[identityOf(ep)]
	if !known || m.ep != ep {
		delete(r.displaced, identityOf(ep))
		return nil, false
	}
	for m != nil && m.displaced { // ends: an heir is younger than whom it displaces
		m = m.heir
	}
	if m != nil && m.standing == standsGone {
		delete(r.displaced, identityOf(ep))
		return nil, false
	}
	return m, true
}

// relocate asks a member again at its new address, whatever was known of the old one.
func (r *run) relocate(m *member, ep Endpoint) {
	r.changed = true
	m.ep = ep
	m.matches, m.waits, m.last, m.claiming = 0, 0, false, false
	m.row.Reason, m.row.ConfirmedAfter = ReasonPending, 0
	r.census.move(m, standsPending)
	if !m.running {
		r.replan(m)
	}
}
