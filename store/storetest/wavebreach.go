package storetest

import (
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func waveBreachCases() []testCase {
	return []testCase{
		{name: "breach of the open wave", run: breachOfWave},
		{name: "breach of an earlier wave", run: breachOfEarlierWave},
		{name: "no breach by another wave", run: breachOfOtherWave},
		{name: "breach of a wave by an edit", run: breachOfWaveByEdit},
		{name: "breach of a wave, acknowledged", run: breachOfWaveAgain},
		{name: "failed, then tolerated in each wave", run: recoversByWaves},
	}
}

// breachOfWave: one failure more than the wave tolerates breaches the plan in the same commit,
// although the plan tolerates all.
func breachOfWave(e *env) {
	s := concurrently(2)
	s.Waves = []strategy.Wave{{}, {MaxFailures: strategy.Count(1)}}
	r := e.startWaved(s, 2, 7)
	r.run(2, store.Fail)
	equal(e, "open", r.settle().Wave, 2)
	jobs := r.expect(9, 3, 4)
	_, view := r.commit(jobs[0].work(store.Fail))
	equal(e, "breached by the first", view.Breached, false)
	r.claims("one failed", true)
	b := store.Batch{
		Plan:    r.id,
		Changes: []store.Change{jobs[1].work(store.Fail)},
		Claim:   store.Claim{ID: "next", Worker: "worker", Max: 2},
	}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed with the second", len(b.Claimed), 0)
	equal(e, "breached by the second", b.View.Breached, true)
	r.claims("two failed", false)
	equal(e, "breached as read", r.read().Breached, true)
	equal(e, "plan", r.settle().State, plan.Failed)
}

// passed returns a plan of which the first wave, of two tasks, is over, with its first task failed
// and running again as the job, and of which the second wave is open.
func (e *env) passed() (*rollout, *job) {
	e.Helper()
	r := e.startWaved(concurrently(9), 2, 4)
	r.run(1, store.Fail)
	r.run(1, store.Complete)
	equal(e, "open", r.settle().Wave, 2)
	r.order(1, retryTask)
	return r, r.expect(1, 1)[0]
}

// breachOfEarlierWave: a task of a wave that was passed breaches the plan by the tolerance of its
// own wave.
func breachOfEarlierWave(e *env) {
	r, j := e.passed()
	r.tolerate(1, 1)
	r.tolerate(2, 0)
	_, view := r.commit(j.work(store.Fail))
	equal(e, "breached within the tolerance of its wave", view.Breached, false)

	r, j = e.passed()
	r.tolerate(1, 0)
	_, view = r.commit(j.work(store.Fail))
	equal(e, "breached", view.Breached, true)
	equal(e, "claimed", len(r.claim("worker", 9)), 0)
	equal(e, "breached as read", r.read().Breached, true)
}

// breachOfOtherWave: a failure breaches the plan only if it is one too many in its own wave, not if
// another wave has more failures than it tolerates now.
func breachOfOtherWave(e *env) {
	r, j := e.passed()
	r.do(j.work(store.Fail))
	later := r.take("worker", 2)
	r.tolerate(1, 0) // less than there are
	r.tolerate(2, 1)
	_, view := r.commit(later[0].work(store.Fail))
	equal(e, "breached", view.Breached, false)
	_, view = r.commit(later[1].work(store.Fail))
	equal(e, "breached by one more", view.Breached, true)
}

// breachOfWaveByEdit: an edit that makes a task fail is judged by the wave of the task alone, and
// by the tolerances of its command.
func breachOfWaveByEdit(e *env) {
	for _, tt := range []struct{ before, first, second int }{{0, 1, 0}, {1, 0, 1}} {
		r, j := e.passed()
		r.run(1, store.Fail) // of the second wave
		r.tolerate(1, tt.before)
		p := r.decide(func(p plan.Plan) (plan.Decision, error) {
			return plan.Decision{
				Plan: tolerant(tolerant(p, 1, tt.first), 2, tt.second), Edits: []task.Edit{r.task(1).Lose(0, by().Now)}, Changed: true,
				Events: []plan.Event{{
					Plan: r.id, Task: j.ID, Attempt: 2,
					Cause: task.ByFailure.String(), From: task.Running.String(), To: task.Failed.String(),
				}},
			}, nil
		})
		equal(e, "failed", p.Counters.Of(task.Failed), 2)
		equal(e, "breached", p.Breached, tt.first == 0)
		equal(e, "breached as read", r.read().Breached, tt.first == 0)
	}
}

// breachOfWaveAgain: a resume acknowledges the failures of every wave, and the next failure is a
// breach again.
func breachOfWaveAgain(e *env) {
	s := concurrently(1)
	s.Waves = []strategy.Wave{{MaxFailures: strategy.Count(0)}}
	r := e.startWaved(s, 3, 4)
	r.run(1, store.Fail)
	equal(e, "plan", r.settle().State, plan.Failed)
	p := r.give(plan.Plan.Resume)
	equal(e, "acknowledged", p.Waves[0], plan.Wave{Last: 3, Acknowledged: 1, MaxFailed: 1})
	equal(e, "acknowledged as read", slices.Equal(r.read().Waves, p.Waves), true)
	r.run(1, store.Complete)
	_, view := r.commit(r.take("worker", 1)[0].work(store.Fail))
	equal(e, "breached again", view.Breached, true)
}

// recoversByWaves: a failed plan is to be completed only if each of its waves tolerates what has
// failed of it, also the waves that were passed.
func recoversByWaves(e *env) {
	for _, change := range []store.ChangeKind{store.Complete, store.Fail} {
		s := concurrently(9)
		s.Waves = []strategy.Wave{{}, {MaxFailures: strategy.Count(0)}}
		r := e.startWaved(s, 2, 4)
		r.run(1, store.Fail)
		r.run(1, store.Complete)
		equal(e, "open", r.settle().Wave, 2)
		r.order(1, retryTask)
		first := r.expect(1, 1)[0]
		r.do(r.expect(1, 3)[0].work(store.Fail))
		equal(e, "plan", r.settle().State, plan.Failed)
		r.order(3, plan.Plan.SkipTask)
		r.order(4, plan.Plan.CancelTask)
		r.tolerate(1, 0)
		r.do(first.work(change))
		ends := change == store.Complete
		equal(e, "at rest", r.lastEvent().AtRest, !ends)
		want := plan.Failed
		if ends {
			want = plan.Completed
		}
		equal(e, "plan", r.settle().State, want)
	}
}
