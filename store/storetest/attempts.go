package storetest

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func attemptCases() []testCase {
	cases := []testCase{
		{name: "attempts of a whole life", run: attemptsOfALife},
		{name: "attempts by the next one", run: attemptsByBackoff},
		{name: "attempts of undos", run: attemptsOfUndos},
		{name: "attempts of a lost worker", run: attemptsOfLost},
		{name: "attempts as they were given", run: attemptsAsGiven},
		{name: "too many attempts", run: tooManyAttempts},
	}
	for name, y := range stops() {
		if y.want == task.Paused || y.want == task.Canceled {
			cases = append(cases, testCase{name: "attempts at a yield, " + name, run: func(e *env) { attemptsAtAYield(e, y) }})
		}
	}
	return cases
}

// fails returns the worker's next change, which ends an attempt or an undo with a failure of that
// code.
func (j *job) fails(kind store.ChangeKind, code string) store.Change {
	w := j.work(kind)
	w.Failure = &task.FailureInfo{Reason: "it broke", ErrorCode: code, Step: "SWITCH", Attempt: j.Attempt, Timestamp: by().Now, Retryable: true}
	if kind == store.Defer {
		w.Wait = task.WaitBackoff
	}
	w.Attempts = j.Tried(w.Failure)
	return w
}

// attempted fails the test unless the attempts of a task are those: number, "u" of an undo, worker
// and code of each.
func attempted(e *env, when string, got []task.Attempt, want ...string) {
	e.Helper()
	list := make([]string, len(got))
	for i, a := range got {
		undo := ""
		if a.Undo {
			undo = "u"
		}
		list[i] = fmt.Sprintf("%d%s %s %s", a.Number, undo, a.Worker, a.ErrorCode)
	}
	if len(list)+len(want) > 0 {
		equal(e, "attempts "+when, list, want)
	}
}

// attemptsOfALife: the attempts that failed stay with the task, over retries and success.
func attemptsOfALife(e *env) {
	r := e.start(2, concurrently(2))
	first := r.take("one", 1)[0]
	r.do(first.save("SWITCHED", "1"))
	attempted(e, "before any failed", r.task(1).Attempts)
	w := first.fails(store.Fail, "A")
	equal(e, "refused", r.do(w).Err, nil)
	r.do(w)
	attempted(e, "after a failure that was sent twice", r.task(1).Attempts, "1 one A")
	r.order(1, retryTask)
	attempted(e, "after a retry", r.task(1).Attempts, "1 one A")
	second := r.take("two", 1)[0]
	attempted(e, "in a claim", second.Attempts, "1 one A")
	r.do(second.save("SWITCHED", "2"))
	r.do(second.fails(store.Fail, "B"))
	attempted(e, "after a second failure", r.all()[0].Attempts, "1 one A", "2 two B")
	r.order(1, retryTask)
	r.take("three", 1)[0].ends(r)
	t := r.task(1)
	attempted(e, "after success", t.Attempts, "1 one A", "2 two B")
	if t.Failure != nil || t.Checkpoint != nil {
		e.Errorf("completed with %+v, %+v", t.Failure, t.Checkpoint)
	}
	attempted(e, "of the other task", r.task(2).Attempts)
}

// attemptsByBackoff: the attempt that ends as the next one begins is kept, too.
func attemptsByBackoff(e *env) {
	r := e.start(1, concurrently(1))
	r.do(r.take("one", 1)[0].fails(store.Defer, "A"))
	j := r.take("two", 1)[0]
	equal(e, "attempt", j.Attempt, 2)
	attempted(e, "in a claim", j.Attempts, "1 one A")
	yields := j.work(store.Yield)
	r.do(yields)
	attempted(e, "after a yield", r.task(1).Attempts, "1 one A")
	r.take("three", 1)[0].ends(r)
	attempted(e, "after success", r.task(1).Attempts, "1 one A")
}

// attemptsOfUndos: undos that failed are kept beside the attempts, also when all is undone.
func attemptsOfUndos(e *env) {
	r := e.start(1, concurrently(1))
	r.do(r.take("one", 1)[0].fails(store.Fail, "A"))
	r.order(1, plan.Plan.RollbackTask)
	undo := r.take("two", 1)[0]
	w := undo.save("", "")
	w.UndoStep, w.UndoData = "UNDONE", []byte("1")
	r.do(w)
	r.do(undo.fails(store.UndoFail, "B"))
	r.order(1, plan.Plan.RollbackTask)
	last := r.take("three", 1)[0]
	attempted(e, "in a claim", last.Attempts, "1 one A", "1u two B")
	r.do(last.work(store.Undone))
	t := r.task(1)
	attempted(e, "after the undo", t.Attempts, "1 one A", "1u two B")
	if t.Failure != nil || len(t.Undo) != 0 {
		e.Errorf("undone with %+v, %+v", t.Failure, t.Undo)
	}
}

// attemptsOfLost: an edit that ends an attempt adds it, every other one leaves the attempts alone.
func attemptsOfLost(e *env) {
	r := e.start(1, concurrently(1))
	r.take("one", 1)
	r.lose(1, 0)
	attempted(e, "after the loss", r.task(1).Attempts, "1 one WORKER_LOST")
	r.order(1, retryTask)
	r.take("two", 1)
	r.order(1, plan.Plan.PauseTask)
	r.lose(1, 3)
	attempted(e, "after other edits", r.task(1).Attempts, "1 one WORKER_LOST")
	r.halt(1)
	r.order(1, plan.Plan.CancelTask)
	attempted(e, "after a cancel", r.task(1).Attempts, "1 one WORKER_LOST")
}

// attemptsAtAYield: a stop that keeps the failure keeps the attempt, one that drops it does not.
func attemptsAtAYield(e *env, y yield) {
	r := e.start(3, tolerating(3, 3))
	jobs := r.take("worker", 2)
	r.steer(y, jobs[0])
	r.do(jobs[0].fails(store.Yield, "A"))
	t := r.task(1)
	equal(e, "state", t.State, y.want)
	equal(e, "failure kept", t.Failure != nil, y.kept)
	if y.kept {
		attempted(e, "with the failure", t.Attempts, "1 worker A")
	} else {
		attempted(e, "without a failure", t.Attempts)
	}
}

// attemptsAsGiven: a store keeps every attempt as it was given, and what it returns is the
// caller's.
func attemptsAsGiven(e *env) {
	r := e.start(1, concurrently(1))
	w := r.take("worker", 1)[0].fails(store.Fail, "A")
	at := time.Date(2026, 3, 1, 12, 0, 0, 123_456_000, time.UTC)
	w.Attempts = nil
	for i := range task.MaxAttempts {
		w.Attempts = append(w.Attempts, task.Attempt{
			Number: i + 1, Undo: i%2 == 1, Began: at.Add(time.Duration(i) * time.Second), Ended: at.Add(time.Duration(i+1) * time.Second),
			Worker: "a\tb\nc\\d\x00 \"é\"", ErrorCode: "X\tY\n", Step: "",
		})
	}
	w.Attempts[0].Began, w.Attempts[0].Worker = time.Time{}, ""
	want := append([]task.Attempt(nil), w.Attempts...)
	r.do(w)
	if got := r.task(1).Attempts; len(got) != len(want) {
		e.Fatalf("attempts %+v", got)
	}
	w.Attempts[0].ErrorCode = "changed"
	r.task(1).Attempts[0].ErrorCode = "changed"
	r.all()[0].Attempts[0].ErrorCode = "changed"
	equal(e, "attempts", r.task(1).Attempts, want)
	equal(e, "attempts in a list", r.all()[0].Attempts, want)
	r.order(1, retryTask)
	equal(e, "attempts in a claim", r.take("worker", 1)[0].Attempts, want)
}

func tooManyAttempts(e *env) {
	r := e.start(1, concurrently(1))
	j := r.take("worker", 1)[0]
	many, alone := j.fails(store.Fail, "A"), j.work(store.Complete)
	many.Attempts = make([]task.Attempt, task.MaxAttempts+1)
	alone.Attempts = make([]task.Attempt, 1)
	for _, w := range []store.Change{many, alone} {
		e.is(r.Commit(e.ctx, &store.Batch{Plan: r.id, Changes: []store.Change{w}}), store.ErrInvalid)
	}
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.LoseTasks([]task.Task{r.task(1)}, 0, by()), nil })
	c.Edits[0].Attempts = many.Attempts
	_, err := r.Apply(e.ctx, c)
	e.is(err, store.ErrInvalid)
	equal(e, "state", r.task(1).State, task.Running)
}
