package storetest

import (
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

func waveEndCases() []testCase {
	return []testCase{
		{name: "ended with the last task", run: waveEnded},
		{name: "ended when it is opened", run: wavePassedOver},
		{name: "not ended before it is opened", run: waveUnopened},
		{name: "ended without waves", run: waveless},
		{name: "baked", run: waveBakes},
		{name: "asked for, rejected and approved", run: waveAsks},
	}
}

// unended fails the test if the open wave has ended.
func (r *rollout) unended(what string) {
	r.Helper()
	if at := r.read().WaveEndedAt; !at.IsZero() {
		r.Errorf("%s: the wave ended at %s", what, at)
	}
}

// endsIn fails the test unless the open wave ends during step. It returns when.
func (r *rollout) endsIn(what string, step func()) time.Time {
	r.Helper()
	from := r.read().Now.Add(-time.Millisecond)
	step()
	p := r.read()
	if at := p.WaveEndedAt; at.Before(from) || at.After(p.Now.Add(time.Millisecond)) {
		r.Errorf("%s: the wave ended at %s, want a time from %s to %s", what, at, from, p.Now)
	}
	return p.WaveEndedAt
}

// waveEnded: the open wave ends with the step that ends its last task. Later steps leave the time
// as it is, unless they begin a task of the wave again or open the next wave.
func waveEnded(e *env) {
	s, none := concurrently(9), time.Duration(0)
	s.BakeTime = time.Hour
	r := e.startWaved(s, 2, 4)
	jobs := r.take("worker", 2)
	jobs[0].ends(r)
	r.unended("one is left")
	first := r.endsIn("by a commit", func() { r.do(jobs[1].work(store.Fail)) })
	e.outlast(e.h.TTL)
	r.commit()
	r.order(4, plan.Plan.SkipTask)
	if at := r.read().WaveEndedAt; !at.Equal(first) {
		e.Errorf("ended at %s, after steps elsewhere at %s", first, at)
	}
	r.order(2, retryTask)
	r.unended("one is retried")
	r.expect(9, 2)
	r.unended("it is claimed")
	r.endsIn("by a loss", func() { r.lose(2, 0) })
	r.order(2, retryTask)
	j := r.expect(9, 2)[0]
	r.endsIn("by another commit", func() { j.ends(r) })
	p := r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Tune(strategy.Tuning{BakeTime: &none}, by()) })
	equal(e, "open", p.Wave, 2)
	r.unended("the next is open")
	r.endsIn("the next", func() { r.expect(9, 3)[0].ends(r) })
	equal(e, "plan", r.settle().State, plan.Completed)
}

// wavePassedOver: a wave whose tasks have all ended before ends when it is opened, not when the
// wave before it has ended.
func wavePassedOver(e *env) {
	r := e.startWaved(concurrently(9), 1, 2)
	r.order(2, plan.Plan.SkipTask)
	r.endsIn("the first", func() { r.run(1, store.Complete) })
	e.outlast(e.h.TTL)
	r.endsIn("the second", func() { r.settle() })
	p := r.read()
	equal(e, "open", p.Wave, 2)
	equal(e, "plan", p.State, plan.Completed)
}

// waveUnopened: no wave has ended while none is open, even if nothing of the first is left.
func waveUnopened(e *env) {
	r := e.createWaved(concurrently(9), 1, 2)
	r.order(1, plan.Plan.SkipTask)
	r.unended("created")
	r.launch()
	equal(e, "open", r.read().Wave, 2)
	r.unended("started")
}

// waveless: in a plan without waves all tasks are the open wave.
func waveless(e *env) {
	s := concurrently(9)
	s.BakeTime = time.Hour
	r := e.createEnforced(e.announce(2, s))
	r.unended("created")
	r.launch()
	r.run(1, store.Fail)
	r.unended("one is left")
	r.endsIn("by a commit", func() { r.run(1, store.Complete) })
	r.order(1, retryTask)
	r.unended("one is retried")
	j := r.expect(9, 1)[0]
	r.endsIn("by another commit", func() { j.ends(r) })
	equal(e, "at rest while it bakes", r.lastEvent().AtRest, false)
	equal(e, "plan", r.settle().State, plan.Running)
}

// waveBakes: the next wave opens, and the plan ends, as soon as the bake is over by the store's
// clock, and not before.
func waveBakes(e *env) {
	s := concurrently(9)
	s.BakeTime = e.h.TTL
	r := e.startWaved(s, 1, 2)
	r.run(1, store.Complete)
	equal(e, "open", r.outbake(s.BakeTime).Wave, 2)
	r.expect(9, 2)[0].ends(r)
	equal(e, "plan", r.outbake(s.BakeTime).State, plan.Completed)
	equal(e, "at rest", r.lastEvent().AtRest, true)
}

// outbake settles the plan until a bake of that time is over.
func (r *rollout) outbake(bake time.Duration) plan.Plan {
	r.Helper()
	open, ends := r.read().Wave, r.read().WaveEndedAt.Add(bake)
	for {
		p := r.settle()
		if over := p.Wave > open || p.State == plan.Completed; over == p.Now.Before(ends) {
			r.Fatalf("at %s wave %d is open in %s, the bake of wave %d ends at %s", p.Now, p.Wave, p.State, open, ends)
		} else if over {
			return p
		}
		r.claims("while it bakes", false)
		equal(r.env, "at rest while it bakes", r.lastEvent().AtRest, false)
		time.Sleep(ends.Sub(p.Now))
	}
}

// waveAsks: a wave that needs an approval is asked for when the wave before it is over, and the
// plan is at rest until somebody answers.
func waveAsks(e *env) {
	s := concurrently(9)
	s.Waves = []strategy.Wave{{}, {Approval: true}}
	r := e.startWaved(s, 1, 2)
	r.run(1, store.Complete)
	asked := func(what string) {
		e.Helper()
		p, ev := r.settle(), r.lastEvent()
		equal(e, what+": gate", p.Gate, plan.GateApproval)
		equal(e, what+": event", brief(ev), "0 approval: RUNNING>RUNNING at rest")
		equal(e, what+": wave of the event", ev.Wave, 2)
		r.claims(what, false)
	}
	asked("asked")
	judge := func(f func(plan.Plan, int, plan.By) (plan.Decision, error)) plan.Plan {
		e.Helper()
		return r.decide(func(p plan.Plan) (plan.Decision, error) { return f(p, 2, by()) })
	}
	p, ev := judge(plan.Plan.Reject), r.lastEvent()
	equal(e, "rejected", p.PauseReasons, plan.PausedByRejection)
	equal(e, "event", brief(ev), "0 reject: RUNNING>PAUSED by operator at rest")
	equal(e, "wave of the event", ev.Wave, 2)
	r.give(plan.Plan.Resume)
	equal(e, "at rest before it asks again", r.lastEvent().AtRest, false)
	asked("asked again")
	p = judge(plan.Plan.Approve)
	equal(e, "approved", p.Approved, []int{2})
	equal(e, "open", p.Wave, 2)
	equal(e, "approved as read", r.read().Approved, []int{2})
	r.expect(9, 2)
}
