package renewal

import (
	"maps"
	"slices"
	"time"
)

// policy is a Policy as a service uses it: copied, checked, resolved. Immutable but
// for users, which is under the service's mutex.
type policy struct {
	Policy
	src   *Policy // what the host registered
	svc   *Service
	users int

	ttl      time.Duration // 0: from a function
	interval time.Duration // 0: known only at the ticks
	stop     []StopRule
	asks     bool // host functions or a selector come before each refresh
	keyGone  bool // there is a stop rule KeyGone
	ages     bool // there is a stop rule After
	keep     keep
}

// compile copies a policy that has been checked.
func compile(p *Policy, svc *Service) *policy {
	c := &policy{Policy: *p, src: p, svc: svc, ttl: p.TTL.fixed, stop: slices.Clone(p.Stop)}
	c.Labels = maps.Clone(p.Labels)
	if p.TTL.fn == nil {
		c.interval = intervalOf(p, c.ttl)
	}
	c.asks = p.TTL.fn != nil || p.Interval.fn != nil || p.Select.set
	for _, rule := range p.Stop {
		c.asks = c.asks || rule.kind == stopFunc
		c.keyGone = c.keyGone || rule.kind == stopKeyGone
		c.ages = c.ages || rule.kind == stopAfter
	}
	switch {
	case p.KeepLonger:
		c.keep = keepLonger
	case p.KeepPersistent:
		c.keep = keepPersistent
	}
	return c
}
