package storetest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func sameCases() []testCase {
	return []testCase{
		{name: "of one group, in the same commit", run: sameCloses},
		{name: "any bytes make a group", run: sameBytes},
		{name: "groups follow the tasks", run: sameFollows},
		{name: "acknowledged, and again", run: sameAgain},
		{name: "lowered limit", run: sameTuned},
		{name: "by an edit, of its own group", run: sameByEdit},
		{name: "failed, then tolerated", run: sameRecovers},
		{name: "too many groups", run: sameOverflow},
		{name: "undone", run: sameUndone},
	}
}

// same returns the strategy of a plan that runs held tasks concurrently and stops when so many have
// failed in the same way.
func same(held, limit int) strategy.Strategy {
	s := concurrently(held)
	s.MaxSameFailures = limit
	return s
}

// startSame creates and starts a plan of n tasks, and skips the test if the store does not enforce
// its strategy.
func (e *env) startSame(n int, s strategy.Strategy) *rollout {
	e.Helper()
	r := e.createEnforced(e.announce(n, s))
	r.launch()
	return r
}

// failing returns the worker's next change, which fails the task with this code in this step.
func (j *job) failing(code, step string) store.Change {
	w := j.work(store.Fail)
	w.Failure = &task.FailureInfo{Reason: fmt.Sprint("it broke in ", j.ID), ErrorCode: code, Step: step, Attempt: j.Attempt}
	return w
}

// grouped compares the plan's failure groups, each as "code/step failed acknowledged".
func grouped(r *rollout, what string, want ...string) {
	r.Helper()
	var got []string
	for _, g := range r.read().FailureGroups {
		got = append(got, fmt.Sprintf("%s/%s %d %d", g.ErrorCode, g.Step, g.Failed, g.Acknowledged))
	}
	equal(r.env, what, got, want)
}

// ungrouped returns how many failed tasks of the plan are in no group.
func ungrouped(r *rollout) int {
	r.Helper()
	p := r.read()
	return p.FailureGroups.Ungrouped(p.Counters.Of(task.Failed))
}

// sameCloses: the failure that makes a group as large as the limit breaches the plan, and a claim
// in the same commit gets nothing. Failures of other groups do not count.
func sameCloses(e *env) {
	r := e.startSame(9, same(4, 2))
	jobs := r.take("worker", 4)
	_, view := r.commit(jobs[0].failing("GATEWAY", "SWITCH"), jobs[1].failing("GATEWAY", "VERIFY"), jobs[2].failing("DNS", "SWITCH"))
	equal(e, "breached by three groups", view.Breached, false)
	r.claims("three groups", true)
	b := store.Batch{
		Plan:    r.id,
		Changes: []store.Change{jobs[3].failing("GATEWAY", "SWITCH")},
		Claim:   store.Claim{ID: "next", Worker: "worker", Max: 2},
	}
	e.ok(r.Commit(e.ctx, &b))
	equal(e, "claimed with the failure", len(b.Claimed), 0)
	equal(e, "breached", b.View.Breached, true)
	r.claims("breached", false)
	grouped(r, "groups", "DNS/SWITCH 1 0", "GATEWAY/SWITCH 2 0", "GATEWAY/VERIFY 1 0")
	equal(e, "plan", r.settle().State, plan.Failed)
	if why := r.lastEvent().Reason; !strings.Contains(why, "2 failed with GATEWAY in step SWITCH") {
		e.Errorf("the event says %q", why)
	}
}

// sameBytes: codes and steps are texts of any bytes; two failures are of one group only if both are
// the same after they were cut.
func sameBytes(e *env) {
	r := e.startSame(12, same(12, 2))
	long := strings.Repeat("x", task.MaxCode)
	var changes []store.Change
	texts := [][2]string{
		{"a\tb", "c"},
		{"a", "b\tc"},
		{"a\n", "b"},
		{"a", "\nb"},
		{`a\t`, "b"},
		{"a\x00", `%d+`},
		{"", ""},
		{"", "\t"},
		{"é", "\u2028"},
		{long + "y", "z"},
		{`\`, `\\`},
	}
	jobs := r.take("worker", len(texts)+1)
	for i, text := range texts {
		changes = append(changes, jobs[i].failing(text[0], text[1]))
	}
	_, view := r.commit(changes...)
	equal(e, "breached", view.Breached, false)
	var want plan.FailureGroups
	for _, text := range texts {
		want = append(want, plan.FailureGroup{ErrorCode: task.Cut(text[0], task.MaxCode), Step: text[1], Failed: 1})
	}
	slices.SortFunc(want, compareGroups)
	equal(e, "groups", r.read().FailureGroups, want)
	_, view = r.commit(jobs[len(texts)].failing(long+"another end", "z"))
	equal(e, "breached by what was cut to the same", view.Breached, true)
}

// sameFollows: a retry, a skip, a cancel and a success take a task out of its group, another
// failure puts it into another one. A failed undo is in none.
func sameFollows(e *env) {
	r := e.startSame(7, same(6, 0))
	jobs := r.take("worker", 6)
	for i, code := range []string{"A", "A", "A", "B", "B"} {
		r.do(jobs[i].failing(code, "S"))
	}
	r.do(jobs[5].work(store.Complete))
	grouped(r, "failed", "A/S 3 0", "B/S 2 0")
	r.order(1, retryTask)
	grouped(r, "one retried", "A/S 2 0", "B/S 2 0")
	r.do(r.expect(1, 1)[0].failing("B", "S"))
	grouped(r, "failed in another way", "A/S 2 0", "B/S 3 0")
	r.order(2, plan.Plan.SkipTask)
	r.order(3, plan.Plan.CancelTask)
	grouped(r, "a group is gone", "B/S 3 0")
	r.order(4, retryTask)
	r.do(r.expect(1, 4)[0].work(store.Complete))
	r.order(5, plan.Plan.RollbackTask)
	w := r.expect(1, 5)[0].work(store.UndoFail)
	w.Failure.ErrorCode, w.Failure.Step = "B", "S"
	r.do(w)
	grouped(r, "a failed undo", "B/S 1 0")
	equal(e, "ungrouped", ungrouped(r), 0)
}

// sameAgain: a resume acknowledges the failures of every group, and the next of one of them is a
// breach again. A failure that was retried is not acknowledged any more.
func sameAgain(e *env) {
	r := e.startSame(9, same(3, 2))
	jobs := r.take("worker", 3)
	r.do(jobs[0].failing("A", ""))
	r.do(jobs[1].failing("A", ""))
	r.do(jobs[2].failing("B", ""))
	equal(e, "plan", r.settle().State, plan.Failed)
	p := r.give(plan.Plan.Resume)
	equal(e, "breached", p.Breached, false)
	grouped(r, "acknowledged", "A/ 2 2", "B/ 1 1")
	r.claims("acknowledged", true)
	r.order(1, retryTask)
	grouped(r, "retried", "A/ 1 1", "B/ 1 1")
	_, view := r.commit(r.expect(1, 1)[0].failing("A", ""))
	equal(e, "breached again", view.Breached, true)
	grouped(r, "failed again", "A/ 2 1", "B/ 1 1")
	equal(e, "plan", r.settle().State, plan.Failed)
}

// sameTuned: if a limit is lowered below what has failed in the same way, no pending task begins
// any more; the breach follows when nothing is in flight. A limit that is taken away opens again.
func sameTuned(e *env) {
	r := e.startSame(9, same(2, 5))
	r.do(r.take("worker", 1)[0].failing("A", ""))
	r.do(r.take("worker", 1)[0].failing("A", ""))
	last := r.take("worker", 1)[0]
	tune := func(n int) {
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Tune(strategy.Tuning{MaxSameFailures: &n}, by()) })
	}
	tune(2)
	equal(e, "breached at once", r.read().Breached, false)
	r.claims("lowered", false)
	equal(e, "claimed", len(r.claim("worker", 1)), 0)
	tune(0)
	r.claims("taken away", true)
	tune(1)
	r.claims("lowered again", false)
	equal(e, "plan with a task in flight", r.settle().State, plan.Running)
	r.do(last.work(store.Complete))
	equal(e, "plan", r.settle().State, plan.Failed)
}

// sameByEdit: an edit that makes a task fail is judged by its own group alone, and by the limit of
// its command.
func sameByEdit(e *env) {
	for _, limit := range []int{1, 2} {
		r := e.startSame(6, same(3, 9))
		jobs := r.take("worker", 3)
		r.do(jobs[0].failing("A", ""))
		r.do(jobs[1].failing("A", ""))
		p := r.decide(func(p plan.Plan) (plan.Decision, error) {
			p.Grant.MaxSameFailures = limit
			return plan.Decision{
				Plan: p, Edits: []task.Edit{r.task(3).Lose(0, by().Now)}, Changed: true,
				Events: []plan.Event{{
					Plan: r.id, Task: r.task(3).ID, Attempt: 1,
					Cause: task.ByFailure.String(), From: task.Running.String(), To: task.Failed.String(),
				}},
			}, nil
		})
		equal(e, "breached", p.Breached, limit == 1)
		grouped(r, "groups", "A/ 2 0", task.CodeWorkerLost+"/ 1 0")
		r.claims("too many of another group", false)
	}
}

// sameRecovers: a failed plan is to be completed only if no group is too large.
func sameRecovers(e *env) {
	r := e.startSame(4, same(4, 2))
	jobs := r.take("worker", 4)
	r.do(jobs[0].failing("A", ""))
	r.do(jobs[1].failing("A", ""))
	r.do(jobs[2].failing("A", ""))
	r.do(jobs[3].work(store.Complete))
	equal(e, "plan", r.settle().State, plan.Failed)
	r.order(1, plan.Plan.SkipTask)
	equal(e, "at rest with two", r.lastEvent().AtRest, true)
	equal(e, "plan with two", r.settle().State, plan.Failed)
	r.order(2, plan.Plan.SkipTask)
	equal(e, "plan with one", r.settle().State, plan.Completed)
}

// sameOverflow: beyond the maximum of groups failed tasks are in none, and no group begins before
// all of them have left their state, so that each group has all tasks that belong to it.
func sameOverflow(e *env) {
	const most = plan.MaxFailureGroups
	r := e.startSame(most+4, same(most+4, 2))
	var jobs []*job
	for i := 0; i < most+4; i += 2 {
		two := r.take("worker", 2)
		if jobs = append(jobs, two...); i < most+2 {
			r.commit(two[0].failing(fmt.Sprint("CODE-", i), "S"), two[1].failing(fmt.Sprint("CODE-", i+1), "S"))
		}
	}
	count := func(what string, groups, others int) {
		e.Helper()
		equal(e, what, [2]int{len(r.read().FailureGroups), ungrouped(r)}, [2]int{groups, others})
	}
	count("two too many", most, 2)
	r.order(1, plan.Plan.SkipTask)
	count("a group is gone", most-1, 2)
	_, view := r.commit(jobs[most+2].failing(fmt.Sprint("CODE-", most), "S")) // as one that is in no group
	equal(e, "breached by one without a group", view.Breached, false)
	count("another of no group", most-1, 3)
	for _, ordinal := range []int{most + 1, most + 2, most + 3} {
		r.order(ordinal, plan.Plan.SkipTask)
	}
	count("all are in groups", most-1, 0)
	_, view = r.commit(jobs[most+3].failing("CODE-1", "S"))
	equal(e, "breached by one of a group", view.Breached, true)
	count("in its group", most-1, 0)
}

// sameUndone: undos take failed tasks out of their groups when they are claimed, in a plan that is
// rolled back as well.
func sameUndone(e *env) {
	r := e.startSame(3, same(3, 2))
	jobs := r.take("worker", 3)
	for _, j := range jobs {
		r.do(j.failing("A", "\t"))
	}
	r.settle()
	r.give(plan.Plan.Rollback)
	r.settle()
	grouped(r, "before the undos", "A/\t 3 0")
	undo := r.take("worker", 1)[0]
	grouped(r, "one is undone", "A/\t 2 0")
	r.do(undo.work(store.Undone))
	r.run(1, store.UndoFail)
	grouped(r, "a failed undo", "A/\t 1 0")
	r.run(1, store.Undone)
	grouped(r, "all undone")
}
