package redisack

import (
	"fmt"
)

// fleet is who has to confirm: the members of one run, how they count, and which instance stands
// for which of them. It does no I/O, plans nothing and belongs to the run's goroutine.
type fleet struct {
	policy  *Policy
	members []*member // in the order of the list, joiners behind
	slab    []member  // room for the first of them, which are allocated together
	tally   tally
	initial int

	byID       map[string]*member // by identity
	byInstance map[string]*member // by the instance that answers, or is expected to
	displaced  map[string]*member // by identity: listed where another instance answers
	shown      map[string]int     // uses of names made from URLs
}

// load fills the fleet with its first list, which has been checked.
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

// enter makes a member.
func (f *fleet) enter(ep Endpoint) *member {
	m := new(member)
	if len(f.slab) > 0 {
		m, f.slab = &f.slab[0], f.slab[1:]
	}
	*m = member{ep: ep, pos: -1, timeout: f.policy.FirstAttemptTimeout}
	m.row = EndpointReport{ID: f.freeName(ep), Group: ep.Group, Reason: ReasonPending}
	f.members = append(f.members, m)
	f.byID[identityOf(ep)] = m
	if ep.ID != "" {
		f.byInstance[ep.ID] = m
	}
	f.tally.add(ep.Group)
	return m
}

// freeName tells apart endpoints whose URLs differ only in what is not shown.
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

// set gives a member another status. Nobody comes back from gone.
func (f *fleet) set(m *member, to status) {
	if m.status == to || m.status == statusGone {
		return
	}
	f.tally.move(m.ep.Group, m.status, to)
	m.status = to
}

// remove makes a member gone. It never counts as confirmed again.
func (f *fleet) remove(m *member) {
	if f.byInstance[m.instance] == m {
		delete(f.byInstance, m.instance)
	}
	if f.byInstance[m.ep.ID] == m {
		delete(f.byInstance, m.ep.ID)
	}
	f.set(m, statusGone)
}

// identity says whom an answer stands for.
type identity uint8

const (
	sameMember    identity = iota // the member that was asked
	otherMember                   // another member, which the instance stands for already
	otherInstance                 // nobody yet: an instance that is not expected at this address
)

// identify finds out whom an answer of this instance stands for, and learns the instance of a
// member that has no ID of its own. holder is the other member, if it is that one.
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
	if f.byInstance[m.instance] == m { // another process answers there now
		delete(f.byInstance, m.instance)
		m.matches = 0
	}
	m.answeredBy(instance)
	f.byInstance[instance] = m
	return sameMember, nil
}

// replace lets the instance that answers at the address of a removed member join in its place. It
// returns nil if joiners are ignored.
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

// listing says what a line of a new list means for the fleet.
type listing uint8

const (
	listedSame    listing = iota // a member as it is; nil if joiners are ignored
	listedMoved                  // a member at another URL
	listedRegroup                // a member in another group
	listedNew                    // nobody that is known
)

// find returns the member that a line of a new list stands for.
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

// replacementAt returns who answers where the endpoint is listed, if that is known to be somebody
// else: a replacement, or the replacement of the replacement.
func (f *fleet) replacementAt(ep Endpoint) (m *member, known bool) {
	m, known = f.displaced[identityOf(ep)]
	if !known || m.ep != ep {
		delete(f.displaced, identityOf(ep))
		return nil, false
	}
	for m != nil && m.displaced { // ends: a replacement is younger than whom it replaces
		m = m.replacement
	}
	if m != nil && m.status == statusGone {
		delete(f.displaced, identityOf(ep))
		return nil, false
	}
	return m, true
}
