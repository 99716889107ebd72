package redisack

import (
	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// A client that names a newer revision than the target may be right: somebody has written since. Or it runs what a
// failover has taken back, and does not know yet. Only Redis can tell, so the head is looked at before the claim is
// believed; until then the member is neither asked again nor settled.

// claim is a member that says it is ahead.
type claim struct {
	m   *member
	obs Observation
}

// headLook is a look at the head during the run.
type headLook struct {
	head wire.Head
	err  error
}

// claimed takes in an answer that names a newer write.
func (r *run) claimed(m *member, obs Observation) {
	if r.follows(obs) {
		r.ahead(m)
		return
	}
	r.census.move(m, standsDifferent)
	m.claiming = true
	r.claimants = append(r.claimants, claim{m, obs})
	if r.looking {
		return
	}
	r.looking = true
	r.helpers++
	go func() {
		look, err := await(r.ctx, func() (wire.Head, error) {
			head, _, err := r.client.backend.head(r.ctx, r.names)
			return head, err
		})
		r.looks <- headLook{look, err} // has room
	}()
}

// follows reports whether the newest head that was seen knows of what the client runs.
func (r *run) follows(obs Observation) bool {
	if obs.Rev == 0 {
		return true // the caller's own comparer, which knows better
	}
	if obs.Rev > r.newest.Rev {
		return false
	}
	held, known := r.newest.Holds(obs.WriteID, obs.Rev)
	return held || !known || obs.WriteID == ""
}

// takeLook settles the claims that have waited for a look.
func (r *run) takeLook(look headLook) {
	r.looking = false
	r.helpers--
	if look.err != nil {
		r.warn("the head could not be read: " + wire.Clean(look.err.Error(), maxErrorText))
	} else {
		r.newest = look.head
	}
	claims := r.claimants
	r.claimants = nil
	for _, c := range claims {
		if c.m.standing.settled() || !c.m.claiming {
			continue
		}
		c.m.claiming = false
		if r.follows(c.obs) {
			r.ahead(c.m)
		} else {
			r.notYet(c.m, standsDifferent)
		}
	}
}

// ahead ends a member that runs a newer write.
func (r *run) ahead(m *member) {
	if r.policy.AcceptNewer {
		r.matched(m)
		return
	}
	r.lastReason = ReasonSuperseded
	r.conclude(m, standsAhead)
}
