package storetest

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func waveCases() []testCase {
	return slices.Concat(
		[]testCase{
			{name: "read as created and started", run: wavesRead},
			{name: "counted by commits", run: waveCommits},
			{name: "counted by edits", run: waveEdits},
			{name: "counted for the last time by the end of the plan", run: waveFrozen},
			{name: "as a repeated command answers", run: waveRepeated},
		},
		waveEndCases(),
		waveBreachCases(),
		waveClaimCases(),
		windowCases(),
		undoWaveCases(),
	)
}

// wavesRead: a plan is read with the waves that it was created with. None is open before the start.
func wavesRead(e *env) {
	s := concurrently(6)
	s.Waves = []strategy.Wave{{Name: "first", MaxFailures: strategy.Count(1)}}
	r := e.createWaved(s, 2, 4, 6)
	p := r.read()
	equal(e, "waves", p.Waves, []plan.Wave{{Last: 2}, {Last: 4}, {Last: 6}})
	equal(e, "open before the start", p.Wave, 0)
	equal(e, "ended before the start", p.WaveEndedAt.IsZero(), true)
	r.counted("before the start", tally{}, tally{}, tally{})
	r.claims("before the start", false)
	r.launch()
	started := []plan.Wave{{Last: 2, MaxFailed: 1}, {Last: 4, MaxFailed: 2}, {Last: 6, MaxFailed: 2}}
	list, err := e.Plans(e.ctx, store.PlanQuery{})
	e.ok(err)
	if len(list) != 1 || !slices.Equal(list[0].Waves, started) || len(list[0].WaveCounters) != 3 || list[0].Wave != 1 {
		e.Errorf("in the list: %+v", list)
	}
	p = r.read()
	p.Waves[0], p.WaveCounters[0].Failed = plan.Wave{}, 9 // the caller's own
	p = r.read()
	equal(e, "waves after the start", p.Waves, started)
	equal(e, "open after the start", p.Wave, 1)
	r.counted("after the start", tally{}, tally{}, tally{})
}

// waveCommits: a commit counts each task in the wave of its ordinal, whichever wave is open.
func waveCommits(e *env) {
	r := e.startWaved(concurrently(9), 2, 4, 6)
	jobs := r.expect(9, 1, 2)
	r.do(jobs[0].save("STEP", "1"))
	r.counted("two claimed", tally{}, tally{}, tally{})
	jobs[0].ends(r)
	failed := jobs[1].work(store.Fail)
	r.do(failed)
	r.again(failed)
	r.counted("two ended", tally{1, 2}, tally{}, tally{})
	r.settle()
	later := r.expect(1, 3)[0]
	r.order(2, retryTask)
	again := r.expect(1, 2)[0]
	r.counted("one of an earlier wave is retried", tally{0, 1}, tally{}, tally{})
	changes, _ := r.commit(again.work(store.Fail), later.work(store.Complete))
	for _, w := range changes {
		e.ok(w.Err)
	}
	r.counted("two waves in one commit", tally{1, 2}, tally{0, 1}, tally{})

	// Of a task that does not end, nothing is counted.
	r.wait(r.expect(9, 4)[0], task.WaitHold, 0)
	held := r.expect(9, 4)[0]
	r.order(4, plan.Plan.PauseTask)
	r.do(held.work(store.Yield))
	r.counted("one paused", tally{1, 2}, tally{0, 1}, tally{})
	r.order(4, plan.Plan.ResumeTask)
	held = r.expect(9, 4)[0]
	r.order(4, plan.Plan.CancelTask)
	r.do(held.work(store.Yield))
	r.counted("one cancelled", tally{1, 2}, tally{0, 2}, tally{})
}

// waveEdits: an edit counts its task in the wave of its ordinal, whether that wave is open, over or
// not open yet.
func waveEdits(e *env) {
	r := e.createWaved(concurrently(9), 2, 4, 6)
	r.order(6, plan.Plan.SkipTask)
	r.counted("skipped before the start", tally{}, tally{}, tally{0, 1})
	r.launch()
	r.take("worker", 1)
	r.lose(1, 0)
	r.order(2, plan.Plan.CancelTask)
	r.order(5, plan.Plan.SkipTask)
	r.counted("lost, cancelled and skipped", tally{1, 2}, tally{}, tally{0, 2})
	r.settle()
	jobs := r.expect(9, 3, 4)
	r.order(1, plan.Plan.SkipTask)
	jobs[0].ends(r)
	r.counted("a failure is skipped", tally{0, 2}, tally{0, 1}, tally{0, 2})
	r.order(3, plan.Plan.RollbackTask)
	r.counted("one is undone", tally{0, 2}, tally{}, tally{0, 2})
	r.do(r.expect(9, 3)[0].work(store.UndoFail))
	r.counted("its undo has failed", tally{0, 2}, tally{0, 1}, tally{0, 2})
	r.lose(4, 0)
	equal(e, "plan", r.settle().State, plan.Completed)
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.RetryFailed(task.FromCheckpoint, by()) })
	r.counted("the retry has begun", tally{0, 2}, tally{1, 2}, tally{0, 2})
	tasks := r.all()
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return p.Sweep(tasks, 0, func(task.ID) bool { return false }, by()), nil
	})
	r.counted("all failures are retried", tally{0, 2}, tally{0, 1}, tally{0, 2})
}

// waveFrozen: the counters stay as the command leaves them whose state cancels the pending tasks.
// The edits of that command still count.
func waveFrozen(e *env) {
	s := concurrently(9)
	s.FailureAction = strategy.RollbackPlan
	s.Waves = []strategy.Wave{{MaxFailures: strategy.Count(0)}}
	r := e.startWaved(s, 3, 5)
	jobs := r.take("worker", 3)
	jobs[2].ends(r)
	equal(e, "plan", r.lose(1, 0).State, plan.RollingBack)
	r.counted("lost and rolled back", tally{1, 2}, tally{})
	equal(e, "ended", r.read().WaveEndedAt.IsZero(), true)
	r.do(jobs[1].work(store.Yield))
	r.settle()
	undo := r.take("worker", 1)[0]
	r.do(undo.work(store.Undone))
	r.counted("while it is undone", tally{1, 2}, tally{})
}

// waveRepeated: a command that is repeated after a lost answer tells how the waves are now.
func waveRepeated(e *env) {
	s := concurrently(9)
	s.Waves = []strategy.Wave{{}, {}, {Approval: true}}
	r := e.startWaved(s, 1, 3, 4)
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Approve(3, by()) })
	r.send(c)
	same := func(what string) {
		e.Helper()
		want := r.read()
		a, err := e.Apply(e.ctx, c)
		e.ok(err)
		got := a.Plan
		equal(e, what+": repeated", a.Repeated, true)
		equal(e, what+": waves", got.Waves, want.Waves)
		equal(e, what+": counters", got.WaveCounters, want.WaveCounters)
		equal(e, what+": open", got.Wave, want.Wave)
		equal(e, what+": approved", got.Approved, []int{3})
		equal(e, what+": ended", got.WaveEndedAt.Equal(want.WaveEndedAt), true)
		clear(got.Approved) // the caller's own
	}
	same("at once")
	r.run(1, store.Fail)
	same("when the wave has ended")
	r.settle()
	same("when the next is open")
	r.run(2, store.Complete)
	time.Sleep(time.Millisecond)
	r.settle()
	r.run(1, store.Complete)
	same("in the last wave")
}
