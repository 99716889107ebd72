package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func waveClaimCases() []testCase {
	return []testCase{
		{name: "claimed one after the other", run: waveClaims},
		{name: "strict by the failures of the wave", run: waveStrict},
		{name: "strict only while it is open", run: waveCanary},
	}
}

// windowCases are about the times of a grant.
func windowCases() []testCase {
	return []testCase{
		{name: "not before the window opens", run: windowOpens},
		{name: "not after the window closes", run: windowCloses},
	}
}

// waveClaims: no pending task of a later wave is claimed, also if there are slots. Tasks in flight
// of an earlier wave are.
func waveClaims(e *env) {
	r := e.startWaved(concurrently(9), 2, 4, 6)
	r.claims("the first", true)
	jobs := r.expect(9, 1, 2)
	r.claims("all of the first", false)
	jobs[0].ends(r)
	b := store.Batch{
		Plan:    r.id,
		Changes: []store.Change{jobs[1].work(store.Fail)},
		Claim:   store.Claim{ID: "next", Worker: "worker", Max: 9},
	}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed with the end of the first", len(b.Claimed), 0)
	r.claims("the second is not open", false)
	r.settle()
	r.claims("the second", true)
	r.order(2, retryTask)
	again := r.expect(9, 2, 3)[0]
	r.claims("no slot is left", false)
	again.ends(r)
	r.expect(9, 4)
	r.claims("all of the second", false)
}

// waveStrict: in a strict plan, what is in flight counts against the tolerance of the open wave;
// the failures of other waves do not.
func waveStrict(e *env) {
	s := concurrently(9)
	s.ConcurrencyMode = strategy.Strict
	s.Waves = []strategy.Wave{{}, {MaxFailures: strategy.Count(1)}}
	r := e.startWaved(s, 2, 9)
	r.run(2, store.Fail)
	r.settle()
	jobs := r.expect(9, 3, 4)
	r.claims("two in flight", false)
	r.do(jobs[0].work(store.Fail))
	r.claims("one failed, one in flight", false)
	jobs[1].ends(r)
	r.claims("one failed", true)
	r.expect(9, 5)
}

// waveCanary: a canary wave works on one task at a time; the next wave does not.
func waveCanary(e *env) {
	s := concurrently(9)
	s.Waves = []strategy.Wave{{Canary: true}}
	r := e.startWaved(s, 2, 5)
	r.expect(9, 1)[0].ends(r)
	j := r.expect(9, 2)[0]
	r.claims("one in flight", false)
	j.ends(r)
	r.settle()
	r.expect(9, 3, 4, 5)
}

// windowed returns a running plan of six tasks with windows, of which nothing has begun, and the
// grant of it all.
func (e *env) windowed() (*rollout, strategy.Grant) {
	e.Helper()
	s := concurrently(6)
	s.Windows = []window.Window{{Kind: window.Deny, Zone: "UTC", Days: window.On(time.Friday)}}
	r := e.createEnforced(e.announce(6, s))
	r.launch()
	return r, strategy.Grant{LastOrdinal: 6, MaxSlots: 6, MaxFailed: 6}
}

// windowOpens: before the time of the grant no pending task is claimed. What has begun goes on: a
// wait that is over, a task without a worker, an undo.
func windowOpens(e *env) {
	var r *rollout
	var g strategy.Grant
	e.inTime(func(ttl time.Duration) bool {
		r, g = e.windowed()
		r.grant(g)
		jobs := r.expect(4, 1, 2, 3, 4)
		r.do(jobs[0].work(store.Yield))
		jobs[1].ends(r)
		r.order(2, plan.Plan.RollbackTask)
		r.wait(jobs[2], task.WaitHold, 0)
		g.NotBefore = r.read().Now.Add(ttl).Truncate(time.Millisecond)
		r.grant(g)
		equal(e, "not before, as read", r.read().Grant.NotBefore.Equal(g.NotBefore), true)
		r.claims("what has begun", true)
		begun, after := r.claimWith(r.unique("claim"), "worker", 9)
		if !after.Now.Before(g.NotBefore) {
			return false
		}
		equal(e, "what has begun", ordinals(begun), []int{3, 1, 2})
		return true
	})
	for {
		_, view := r.commit()
		equal(e, "claimable", view.Claimable, !view.Now.Before(g.NotBefore))
		p := r.read()
		equal(e, "claimable as read", p.Claimable(), !p.Now.Before(g.NotBefore))
		got, after := r.claimWith(r.unique("claim"), "worker", 9)
		if open := !after.Now.Before(g.NotBefore); open && len(got) != 2 || !open && len(got) > 0 {
			e.Fatalf("claimed %v at %s, the window opens at %s", ordinals(got), after.Now, g.NotBefore)
		} else if open {
			return
		}
		time.Sleep(e.h.TTL / 8)
	}
}

// windowCloses: from the closing time of the grant on, no pending task is claimed. What has begun
// goes on.
func windowCloses(e *env) {
	r, g := e.windowed()
	g.NotAfter = r.read().Now.Add(time.Hour)
	r.grant(g)
	jobs := r.expect(2, 1, 2)
	jobs[0].ends(r)
	r.claims("while it is open", true)
	g.NotAfter = r.read().Now.Truncate(time.Millisecond)
	r.grant(g)
	r.claims("closed", false)
	r.expect(9)
	r.do(jobs[1].work(store.Yield))
	r.claims("what has begun", true)
	r.expect(9, 2)
	r.claims("nothing that has begun is left", false)
}
