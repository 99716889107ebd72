package renewal

import (
	"maps"
	"slices"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// policy is a Policy as a service uses it: copied, validated, resolved. It does not change, except
// for users, which the registry's mutex guards.
type policy struct {
	Policy
	src    *Policy // what the host registered
	shared *shared
	users  int

	ttl      time.Duration // 0: from a function
	interval time.Duration // 0: known only at the ticks
	calls    bool          // host functions or a selector are called before each refresh
	keyGone  bool          // there is a stop rule KeyGone
	ages     bool          // there is a stop rule After
	keep     backend.Keep

	oneKey terms // of tasks with at most one key of a fixed list
}

// terms are what a Handle refers to: its policy, and the keys of a fixed list beyond the first one.
// All tasks without such keys share the terms of their policy, so that only tasks with several keys
// have a list of them.
type terms struct {
	*policy       // immutable
	rest    []key // the mutex of the Handle guards the elements
}

// keys returns the number of keys of the fixed list.
func (t *terms) keys() int {
	if t.Select.set {
		return 0
	}
	return 1 + len(t.rest)
}

// terms returns the terms of a task with a number of keys of a fixed list.
func (p *policy) terms(keys int) *terms {
	if keys <= 1 {
		return &p.oneKey
	}
	return &terms{policy: p, rest: make([]key, keys-1)}
}

// compile copies a policy that has been validated.
func compile(p *Policy, s *shared) *policy {
	c := &policy{Policy: *p, src: p, shared: s, ttl: p.TTL.fixed}
	c.Labels, c.Stop = maps.Clone(p.Labels), slices.Clone(p.Stop)
	if p.TTL.fn == nil {
		c.interval = intervalOf(p, c.ttl)
	}
	c.calls = p.TTL.fn != nil || p.Interval.fn != nil || p.Select.set
	for _, rule := range p.Stop {
		c.calls = c.calls || rule.kind == stopFunc
		c.keyGone = c.keyGone || rule.kind == stopKeyGone
		c.ages = c.ages || rule.kind == stopAfter
	}
	switch {
	case p.KeepLonger:
		c.keep = backend.KeepLonger
	case p.KeepPersistent:
		c.keep = backend.KeepPersistent
	}
	c.oneKey.policy = c
	return c
}

// lagLimit returns the lateness above which a renewal counts as lagging: half an interval, or one
// second if the interval is known only at the ticks.
func (p *policy) lagLimit() time.Duration {
	if p.interval == 0 {
		return time.Second
	}
	return p.interval / 2
}
