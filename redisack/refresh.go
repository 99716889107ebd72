package redisack

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/redisack/internal/wire"
)

// minRefreshTime is the minimum timeout of a look-up of the fleet.
const minRefreshTime = time.Second

// refresh is the result of a look-up of the fleet.
type refresh struct {
	list []Endpoint
	err  error
}

// lookUp gets the list of the fleet from the host's code. It sends a result even if that code
// panics or ends the goroutine.
func lookUp(ctx context.Context, f Fleet, every time.Duration, out chan<- refresh) {
	fresh := refresh{err: errNoAnswer}
	defer func() {
		if value := recover(); value != nil {
			fresh.err = wire.PanicError(value)
		}
		out <- fresh // buffered
	}()
	ctx, cancel := context.WithTimeout(ctx, max(every, minRefreshTime))
	defer cancel()
	fresh.list, fresh.err = f.Members(ctx)
}

// loadFleet looks up the fleet for the first time, before anything is written.
func (r *run) loadFleet() error {
	list, err := within(r.ctx, func() ([]Endpoint, error) { return r.check.Fleet.Members(r.ctx) })
	if err != nil {
		if r.ctx.Err() != nil {
			return r.failed(expired(r.ctx))
		}
		return r.failed(ending{reason: ReasonNoEndpoints, cause: fmt.Errorf("fleet: %w", err)})
	}
	var f faults
	checkMembers(list, r.check.Prober, &f)
	r.fleet.load(list)
	r.progress.changed = true
	r.policy.Quorum.check(r.fleet.tally.counts, &f)
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

// startRefresh looks up the fleet in the background. There is one look-up at a time: until it
// returns, the list stays unchanged.
func (r *run) startRefresh() {
	r.refreshing = true
	r.helpers++
	go lookUp(r.ctx, r.check.Fleet, r.policy.RefreshEvery, r.refreshed)
}

// takeRefresh applies a new list. A failed look-up changes nothing.
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
		r.warnings.add(fmt.Sprintf("the fleet was not refreshed: %v", fresh.err))
		return
	}
	listed := make(map[*member]bool, len(fresh.list))
	for _, ep := range fresh.list {
		listed[r.takeListed(ep)] = true
	}
	for _, m := range r.fleet.members {
		if m.status != statusGone && !listed[m] {
			r.leave(m)
		}
	}
}

// takeListed applies an entry of a new list and returns its member, nil for none.
func (r *run) takeListed(ep Endpoint) *member {
	m, what := r.fleet.find(ep)
	switch what {
	case listedSame:
		return m
	case listedMoved:
		r.relocate(m, ep)
		return m
	case listedRegroup:
		r.leave(m)
	case listedNew:
	}
	r.progress.changed = true
	m = r.fleet.enter(ep)
	r.schedule.plan(r.now(), m, 0)
	return m
}

// relocate moves a member to a new address and asks it again, regardless of its answers so far.
func (r *run) relocate(m *member, ep Endpoint) {
	r.progress.changed = true
	m.ep = ep
	m.matches, m.waits, m.last, m.unverified = 0, 0, false, false
	m.row.ConfirmedAfter = 0
	r.fleet.set(m, statusPending)
	if !m.running {
		r.schedule.plan(r.now(), m, 0)
	}
}
