package redisack

import (
	"fmt"
)

// fleet holds the members of one run, their counts, and the mapping from instances to members. It
// does no I/O and schedules nothing. The run's goroutine owns it.
type fleet struct {
	policy  *Policy
	members []*member // in the order of the list, then joiners
	slab    []member  // storage of the first members, allocated together
	tally   tally
	initial int

	byID       map[string]*member // by identity
	byInstance map[string]*member // by the instance that answers, or is expected to
	displaced  map[string]*member // by identity: members at whose listed address another instance answers
	shown      map[string]int     // number of members by the name made from their URL
}

// load fills the fleet with its first list, which must be valid.
func (f *fleet) load(list []Endpoint) {
	f.members = make([]*member, 0, len(list))
	f.slab = make([]member, len(list))
	f.byID = make(map[string]*member, len(list))
	f.byInstance = make(map[string]*member, len(list))
	f.tally = newTally()
	for _, ep := range list {
		f.enter(ep)
	}
	f.initial = len(list)
}

// enter adds a member.
func (f *fleet) enter(ep Endpoint) *member {
	if len(f.slab) == 0 {
		f.slab = make([]member, 1)
	}
	m := &f.slab[0]
	f.slab = f.slab[1:]
	*m = member{ep: ep, pos: -1, timeout: f.policy.FirstAttemptTimeout}
	m.row = EndpointReport{ID: f.freeName(ep), Group: ep.Group}
	f.members = append(f.members, m)
	f.byID[identityOf(ep)] = m
	if ep.ID != "" {
		f.byInstance[ep.ID] = m
	}
	f.tally.add(ep.Group)
	return m
}

// freeName returns an unused name for an endpoint. It distinguishes endpoints whose URLs differ
// only in the parts that names omit.
func (f *fleet) freeName(ep Endpoint) string {
	name := cleanID(nameOf(ep))
	if ep.ID != "" {
		return name
	}
	if f.shown == nil {
		f.shown = make(map[string]int)
	}
	if f.shown[name]++; f.shown[name] > 1 {
		return fmt.Sprintf("%s#%d", name, f.shown[name])
	}
	return name
}

// set changes the status of a member. A member that is gone stays gone.
func (f *fleet) set(m *member, to status) {
	if m.status == to || m.status == statusGone {
		return
	}
	f.tally.move(m.ep.Group, m.status, to)
	m.status = to
}

// remove sets a member to gone. The member never counts as confirmed again.
func (f *fleet) remove(m *member) {
	if f.byInstance[m.instance] == m {
		delete(f.byInstance, m.instance)
	}
	if f.byInstance[m.ep.ID] == m {
		delete(f.byInstance, m.ep.ID)
	}
	f.set(m, statusGone)
}

// identity says for which member an answer counts.
type identity uint8

const (
	sameMember    identity = iota // the member that was asked
	otherMember                   // another member, for which the instance is already counted
	otherInstance                 // no member yet: an instance that is not expected at this address
)

// identify reports for which member an answer of this instance counts, and records the instance of
// a member without an ID. holder is set for otherMember.
func (f *fleet) identify(m *member, instance string) (who identity, holder *member) {
	if instance == "" || instance == m.instance {
		return sameMember, nil
	}
	holder = f.byInstance[instance]
	switch {
	case holder == m:
		m.answeredBy(instance)
		return sameMember, nil
	case holder != nil:
		return otherMember, holder
	case m.ep.ID != "":
		return otherInstance, nil
	}
	if f.byInstance[m.instance] == m { // another process answers at the address now
		delete(f.byInstance, m.instance)
		m.matches = 0
	}
	m.answeredBy(instance)
	f.byInstance[instance] = m
	return sameMember, nil
}

// replace adds a member for the instance that answers at the address of the removed member m. It
// returns the new member, or nil if joiners are ignored.
func (f *fleet) replace(m *member, instance string) *member {
	m.displaced = true
	if f.displaced == nil {
		f.displaced = make(map[string]*member)
	}
	f.displaced[identityOf(m.ep)] = m
	if f.policy.IgnoreJoiners {
		return nil
	}
	m.replacement = f.enter(Endpoint{ID: instance, URL: m.ep.URL, Group: m.ep.Group})
	m.replacement.answeredBy(instance)
	return m.replacement
}

// listing says what an entry of a new list means for the fleet.
type listing uint8

const (
	listedSame    listing = iota // an unchanged member, or nil for an ignored joiner
	listedMoved                  // a member at another URL
	listedRegroup                // a member in another group
	listedNew                    // an unknown endpoint
)

// find returns the member to which an entry of a new list refers.
func (f *fleet) find(ep Endpoint) (*member, listing) {
	if m, known := f.replacementAt(ep); known {
		return m, listedSame
	}
	m := f.byID[identityOf(ep)]
	switch {
	case m == nil || m.status == statusGone:
		if f.policy.IgnoreJoiners {
			return nil, listedSame
		}
		return nil, listedNew
	case m.ep.Group != ep.Group:
		return m, listedRegroup
	case m.ep.URL != ep.URL:
		return m, listedMoved
	}
	return m, listedSame
}

// replacementAt returns the member that answers at the listed address of the endpoint if another
// instance is known to answer there: its replacement, or the replacement of that replacement, and
// so on.
func (f *fleet) replacementAt(ep Endpoint) (m *member, known bool) {
	m, known = f.displaced[identityOf(ep)]
	if !known || m.ep != ep {
		delete(f.displaced, identityOf(ep))
		return nil, false
	}
	for m != nil && m.displaced { // ends: each replacement was added after its member
		m = m.replacement
	}
	if m != nil && m.status == statusGone {
		delete(f.displaced, identityOf(ep))
		return nil, false
	}
	return m, true
}
