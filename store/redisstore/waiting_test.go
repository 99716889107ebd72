package redisstore

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// put makes a task that a worker holds wait for a duration.
func (r *rollout) put(t task.Task, why task.WaitReason, after time.Duration) {
	r.Helper()
	w := store.Change{Task: t.ID, Token: t.Token, Seq: 1, Kind: store.Defer, Wait: why, After: after}
	if why == task.WaitBackoff {
		w.Failure = &task.FailureInfo{Reason: "r", ErrorCode: "c"}
	}
	r.ok(r.work(w).Err)
}

// waiting returns a plan with ten slots, of whose tasks 1 and 2 are held, 3 is due, and 4 and 5 are
// due in one and in two hours.
func waiting(t *testing.T, s *Store) *rollout {
	t.Helper()
	r := start(t, s, 70, 10)
	r.ok(s.Join(r.ctx, "worker", time.Minute, store.Process{}))
	jobs := r.claim("worker", 5)
	for i, after := range []time.Duration{0, time.Hour, 2 * time.Hour} {
		r.put(jobs[2+i], task.WaitBackoff, after)
	}
	return r
}

// ordinals returns the ordinals of tasks.
func ordinals(tasks []task.Task) (all []int) {
	for _, t := range tasks {
		all = append(all, t.ID.Ordinal())
	}
	return all
}

// TestLostWaiters: after the loss of an index of waiting tasks, or of an entry of it, a claim, a
// query and a command on a waiting task find them all the same.
func TestLostWaiters(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for name, lose := range map[string]func(r *rollout){
		"later":           func(r *rollout) { client.Del(r.ctx, s.keys.later(r.id)) },
		"loose":           func(r *rollout) { client.Del(r.ctx, s.keys.loose(r.id)) },
		"both":            func(r *rollout) { client.Del(r.ctx, s.keys.loose(r.id), s.keys.later(r.id)) },
		"the due task":    func(r *rollout) { client.ZRem(r.ctx, s.keys.later(r.id), "0000003") },
		"a task in loose": func(r *rollout) { client.ZRem(r.ctx, s.keys.loose(r.id), "4") },
		"a waiting task":  func(r *rollout) { client.ZRem(r.ctx, s.keys.later(r.id), "0000004") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := waiting(t, s)
			before, err := s.Plan(r.ctx, r.id)
			r.ok(err)

			lose(r)
			found, _, err := s.Tasks(r.ctx, r.id, store.TaskQuery{Unheld: true})
			if got := ordinals(found); err != nil || !slices.Equal(got, []int{3, 4, 5}) {
				t.Errorf("found %v and error %v, want the waiting tasks", got, err)
			}
			lose(r)
			if got := ordinals(r.claim("worker", 1)); !slices.Equal(got, []int{3}) {
				t.Errorf("claimed %v, want the task that is due", got)
			}
			lose(r)
			p := r.decide(func(p plan.Plan) (plan.Decision, error) {
				next, err := s.Task(r.ctx, task.NewID(r.id, 4))
				r.ok(err)
				return p.RetryTask(next, task.FromCheckpoint, plan.By{})
			})
			last, err := s.Task(r.ctx, task.NewID(r.id, 5))
			r.ok(err)
			if p.Counters.Waiting != 1 || !p.NextDue.Equal(last.Wait.Until) || !p.NextDue.After(before.NextDue) {
				t.Errorf("%d tasks wait, the first until %s; want one, until %s", p.Counters.Waiting, p.NextDue, last.Wait.Until)
			}
			storetest.Check(t, s, r.id)
		})
	}
}

// TestMembersOfLaterThatAreNone: a claim removes from the index later the entries that do not
// belong to any waiting task, and NextDue follows.
func TestMembersOfLaterThatAreNone(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := waiting(t, s)
	key := s.keys.later(r.id)
	r.ok(client.ZAdd(r.ctx, key, redis.Z{Score: 1, Member: "abc"}, redis.Z{Score: 2, Member: "-4"}, redis.Z{Score: 3, Member: "1e9"},
		redis.Z{Score: 4, Member: "0000001"}, redis.Z{Score: 5, Member: "0000070"}).Err())
	for range 6 {
		r.claim("worker", 1)
	}
	left, err := client.ZRange(r.ctx, key, 0, -1).Result()
	if r.ok(err); !slices.Equal(left, []string{"0000004", "0000005"}) {
		t.Errorf("left: %q, want the tasks that wait", left)
	}
	due, err := s.Task(r.ctx, task.NewID(r.id, 3))
	r.ok(err)
	p, err := s.Plan(r.ctx, r.id)
	r.ok(err)
	if next, _ := p.DueIn(); due.Worker == "" || next < time.Minute {
		t.Errorf("the due task is %+v, the next is due in %s", due, next)
	}
	storetest.Check(t, s, r.id)
}

// TestLostWaiterBesideOneThatIsNone: if a foreign entry of the index later conceals that a task is
// missing, the claim that finds out restores the task, and NextDue.
func TestLostWaiterBesideOneThatIsNone(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := waiting(t, s)
	key := s.keys.later(r.id)
	r.ok(client.ZRem(r.ctx, key, "0000004").Err())
	r.ok(client.ZAdd(r.ctx, key, redis.Z{Score: 5, Member: "0000070"}).Err())
	if got := ordinals(r.claim("worker", 2)); !slices.Equal(got, []int{3, 6}) {
		t.Errorf("claimed %v, want the task that is due and one that is pending", got)
	}
	lost, err := s.Task(r.ctx, task.NewID(r.id, 4))
	r.ok(err)
	p, err := s.Plan(r.ctx, r.id)
	if r.ok(err); !p.NextDue.Equal(lost.Wait.Until) {
		t.Errorf("the next is due at %s, want %s", p.NextDue, lost.Wait.Until)
	}
	storetest.Check(t, s, r.id)
}

// TestWaitsThatMakeNoSense: a task whose wait is malformed is reported by every read, claim and
// change that parses its head. No claim assigns it.
func TestWaitsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	for _, word := range []string{"1", "h", "H", "x5", "X5", "-", "h-5", "H5x", "0h5", "h5h"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			r := waiting(t, s)
			key := s.keys.tasks(r.id, 0)
			held, err := s.Task(r.ctx, task.NewID(r.id, 1))
			r.ok(err)
			for _, ordinal := range []int{1, 3} {
				field := strconv.Itoa(ordinal - 1)
				setWait(r, client, key, field, word)
				_, err := s.Task(r.ctx, task.NewID(r.id, ordinal))
				names(t, err, key)
			}
			_, err = r.claimErr(1)
			names(t, err, key)
			w := r.work(store.Change{Task: held.ID, Token: held.Token, Seq: 1, Kind: store.Fail})
			names(t, w.Err, key)
		})
	}
}

// setWait replaces the wait in the head of a task.
func setWait(r *rollout, client *redis.Client, key, field, word string) {
	r.Helper()
	h := client.HGet(r.ctx, key, field).Val()
	const before = 14 // words
	from := 0
	for range before {
		from += 1 + slices.Index([]byte(h[from:]), ' ')
	}
	to := from + slices.Index([]byte(h[from:]), ' ')
	r.ok(client.HSet(r.ctx, key, field, h[:from]+word+h[to:]).Err())
}

// TestWaitOfAHeldTask: a head that says both that a worker holds the task and that the task is
// waiting is malformed.
func TestWaitOfAHeldTask(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := waiting(t, s)
	key := s.keys.tasks(r.id, 0)
	held, err := s.Task(r.ctx, task.NewID(r.id, 1))
	r.ok(err)
	setWait(r, client, key, "0", "H5")
	_, err = s.Task(r.ctx, held.ID)
	names(t, err, key)
	names(t, r.work(store.Change{Task: held.ID, Token: held.Token, Seq: 1, Kind: store.Yield}).Err, key)
	names(t, r.work(store.Change{Task: held.ID, Token: held.Token, Seq: 1, Kind: store.Complete}).Err, key)
}

// TestLaterInTheWay: while the key of the waiting tasks has another type, nothing that needs it is
// carried out, not even in part. That is so even if no task has waited yet.
func TestLaterInTheWay(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	r := start(t, s, 200, 10)
	jobs := r.claim("worker", 3)
	key := s.keys.later(r.id)
	r.ok(client.Set(r.ctx, key, "in the way", 0).Err())
	before := dump(t, client)
	names(t, s.Commit(r.ctx, &store.Batch{Plan: r.id, Changes: []store.Change{
		{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Complete},
		{Task: jobs[1].ID, Token: jobs[1].Token, Seq: 1, Kind: store.Defer, Wait: task.WaitHold},
	}}), key)
	for k, v := range dump(t, client) {
		if v != before[k] {
			t.Errorf("%s has changed", k)
		}
	}
	r.ok(r.work(store.Change{Task: jobs[0].ID, Token: jobs[0].Token, Seq: 1, Kind: store.Complete}).Err)

	// A task that was paused during its wait would wait again.
	r.ok(client.Del(r.ctx, key).Err())
	r.put(jobs[1], task.WaitHold, time.Hour)
	r.pauseAndResume(jobs[1].ID)
	r.ok(client.Set(r.ctx, key, "in the way", 0).Err())
	_, err := r.claimErr(5)
	names(t, err, key)
	r.ok(client.Del(r.ctx, key).Err())
	r.claim("worker", 5)
	if again, err := s.Task(r.ctx, jobs[1].ID); err != nil || !again.Waiting {
		t.Errorf("%+v, %v; want it to wait", again, err)
	}
	storetest.Check(t, s, r.id)
}

// pauseAndResume pauses a task and resumes it.
func (r *rollout) pauseAndResume(id task.ID) {
	r.Helper()
	for _, f := range []func(plan.Plan, task.Task, plan.By) (plan.Decision, error){plan.Plan.PauseTask, plan.Plan.ResumeTask} {
		t, err := r.Task(r.ctx, id)
		r.ok(err)
		r.decide(func(p plan.Plan) (plan.Decision, error) { return f(p, t, plan.By{}) })
	}
}

// TestManyWaitAgain: after a resume, one claim makes as many tasks wait again as there are free
// slots, in the order of their ordinals, and no claim assigns them.
func TestManyWaitAgain(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	r := start(t, s, 300, 150)
	for range 2 {
		for _, j := range r.claim("worker", 75) {
			r.put(j, task.WaitProving, time.Hour)
		}
	}
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{}) })
	for {
		unheld, _, err := s.Tasks(r.ctx, r.id, store.TaskQuery{Unheld: true, Limit: store.MaxBatch})
		if r.ok(err); len(unheld) == 0 {
			break
		}
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.HaltTasks(unheld, plan.By{}), nil })
	}
	r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Resume(plan.By{}) })
	for p := r.decide(r.sweep); len(p.Sweeps) > 0; {
		p = r.decide(r.sweep)
	}
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		p.Grant.MaxSlots = 120
		return plan.Decision{Plan: p}, nil
	})
	b := store.Batch{Plan: r.id, Claim: store.Claim{ID: rand.Text(), Worker: "worker", Max: 1}}
	r.ok(s.Commit(r.ctx, &b))
	if c := b.View.Counters; len(b.Claimed) != 0 || c.Waiting != 120 || c.Held != 0 || b.View.Claimable {
		t.Errorf("claimed %v; %d tasks wait, %d are held, claimable: %v", b.Claimed, c.Waiting, c.Held, b.View.Claimable)
	}
	unheld, _, err := s.Tasks(r.ctx, r.id, store.TaskQuery{Unheld: true})
	r.ok(err)
	for i, u := range unheld {
		if u.ID.Ordinal() != i+1 || u.Waiting != (i < 120) {
			t.Errorf("unheld task %d is %s, waiting: %v", i+1, u.ID, u.Waiting)
		}
	}
	storetest.Check(t, s, r.id)
}

// sweep continues the plan's first sweep.
func (r *rollout) sweep(p plan.Plan) (plan.Decision, error) {
	tasks, next, err := r.Tasks(r.ctx, r.id, store.TaskQuery{After: p.Sweeps[0].After, States: p.Sweeps[0].States(), Limit: store.MaxBatch})
	return p.Sweep(tasks, next, func(task.ID) bool { return false }, plan.By{Now: time.Now()}), err
}

// TestSaveWithElapsed: saves that report more elapsed time need no more than the script for saves,
// and the end of the first attempt does not parse the head.
func TestSaveWithElapsed(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	r := start(t, s, 2, 2)
	j := r.claim("w", 1)[0]
	commit := s.client.scripts.commit
	s.client.scripts.commit = s.client.scripts.prune // any other script fails
	for seq, elapsed := range []time.Duration{0, 999 * time.Microsecond, time.Millisecond, 36 * time.Hour, time.Second} {
		w := store.Change{Task: j.ID, Token: j.Token, Seq: uint32(seq) + 1, Elapsed: elapsed}
		if seq%2 == 1 {
			w.Saved = store.Saved{Step: "A", Data: fmt.Append(nil, seq)}
		}
		r.ok(r.work(w).Err)
		got, err := s.Task(r.ctx, j.ID)
		if r.ok(err); got.Elapsed != elapsed.Truncate(time.Millisecond) {
			t.Errorf("the task has run for %s, want %s", got.Elapsed, elapsed)
		}
	}
	s.client.scripts.commit = commit
	r.ok(r.work(store.Change{Task: j.ID, Token: j.Token, Seq: 6, Kind: store.Complete, Elapsed: time.Minute}).Err)
	got, err := s.Task(r.ctx, j.ID)
	if r.ok(err); got.State != task.Completed || got.Elapsed != time.Minute || got.Checkpoint != nil {
		t.Errorf("completed: %+v", got)
	}
	storetest.Check(t, s, r.id)
}
