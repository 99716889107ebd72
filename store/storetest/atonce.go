package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// callers is the number of goroutines that make each call concurrently.
const callers = 4

func atOnceCases() []testCase {
	return []testCase{
		{name: "every method by several at once", run: everyMethodAtOnce},
		{name: "remove by several at once", run: removeAtOnce},
	}
}

// atOnce makes a call from several goroutines concurrently and returns their errors.
func atOnce(f func(caller int) error) []error {
	errs := make([]error, callers)
	var begin, end sync.WaitGroup
	begin.Add(1)
	for i := range callers {
		end.Go(func() {
			begin.Wait()
			errs[i] = f(i)
		})
	}
	begin.Done()
	end.Wait()
	return errs
}

// allOK makes a call concurrently. The call must succeed for every caller.
func (e *env) allOK(what string, f func(caller int) error) {
	e.Helper()
	for i, err := range atOnce(f) {
		if err != nil {
			e.Errorf("%s, caller %d: %v", what, i, err)
		}
	}
}

// oneOK makes a call concurrently. The call must succeed for exactly one caller and return want to
// the others.
func (e *env) oneOK(what string, want error, f func(caller int) error) {
	e.Helper()
	succeeded := 0
	for i, err := range atOnce(f) {
		switch {
		case err == nil:
			succeeded++
		case !errors.Is(err, want):
			e.Errorf("%s, caller %d: %v, want %v", what, i, err, want)
		}
	}
	equal(e, what+": how many succeeded", succeeded, 1)
}

// removeAtOnce: concurrent removals of a plan all succeed, and the plan is gone from the agenda
// too.
func removeAtOnce(e *env) {
	for round := range 20 {
		r := e.create(1+round*7, concurrently(1))
		r.give(plan.Plan.Cancel)
		e.allOK("remove", func(int) error {
			for range 1000 {
				if more, err := e.Remove(e.ctx, r.id); err != nil || !more {
					return err
				}
			}
			return errors.New("there is always more to remove")
		})
		_, err := e.Plan(e.ctx, r.id)
		e.is(err, store.ErrNotFound)
		if due := e.due(r.id); due != nil {
			e.Errorf("it is still on the agenda: %+v", due)
		}
	}
}

// everyMethodAtOnce calls every method from several goroutines: if all of them make one and the
// same call, all succeed; of calls that exclude each other exactly one succeeds.
func everyMethodAtOnce(e *env) {
	covered := map[string]bool{"Remove": true} // tested in removeAtOnce
	for _, group := range []map[string]func(*env){writesAtOnce(), leasesAtOnce(), readsAtOnce(), subscriptionsAtOnce(), placesAtOnce()} {
		for name, run := range group {
			covered[name] = true
			run(e)
		}
	}
	contract := reflect.TypeFor[store.Store]()
	for i := range contract.NumMethod() {
		if name := contract.Method(i).Name; !covered[name] {
			e.Errorf("%s is not called by several at once", name)
		}
	}
}

func writesAtOnce() map[string]func(*env) {
	return map[string]func(*env){
		"BeginCreate": func(e *env) {
			a := e.keyed(e.unique("key"), "hash")
			var begun [callers]store.Creation
			e.allOK("begin", func(i int) (err error) { begun[i], err = e.BeginCreate(e.ctx, a); return err })
			for _, c := range begun {
				equal(e, "begun", c, begun[0])
			}
		},
		"AddTenants": func(e *env) {
			c, err := e.BeginCreate(e.ctx, e.announce(70, concurrently(1)))
			e.ok(err)
			e.allOK("add", func(int) error { return e.AddTenants(e.ctx, c, 1, tenants(1, 70)) })
			e.allOK("finish", func(int) error { return e.FinishCreate(e.ctx, c) })
			e.plans = append(e.plans, c.ID)
			got, err := e.Tenants(e.ctx, c.ID, 0, 0)
			e.ok(err)
			equal(e, "tenants", len(got), 70)
			events, err := e.Events(e.ctx, c.ID, 0, 10)
			e.ok(err)
			equal(e, "events", len(events), 1)
		},
		"FinishCreate": func(*env) {}, // with AddTenants
		"AppendTenants": func(e *env) {
			r := e.start(3, concurrently(1))
			r.adding(additionToken, 70)
			e.allOK("append", func(int) error { return e.AppendTenants(e.ctx, r.id, additionToken, 4, tenants(4, 70)) })
			e.allOK("appended", func(int) error {
				got, err := e.Appended(e.ctx, r.id, 3, 0)
				equal(e, "tenants that are stored", len(got), 70)
				return err
			})
			c := r.completion(additionToken)
			e.allOK("complete", func(int) error {
				a, err := e.Apply(e.ctx, c)
				equal(e, "tasks", a.Plan.TaskCount, 73)
				return err
			})
		},
		"Appended": func(*env) {}, // with AppendTenants
		"Apply": func(e *env) {
			r := e.start(1, concurrently(1))
			pause := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Pause(by()) })
			var repeated [callers]bool
			e.allOK("the same command", func(i int) error {
				a, err := e.Apply(e.ctx, pause)
				repeated[i] = a.Repeated
				return err
			})
			first := 0
			for _, again := range repeated {
				if !again {
					first++
				}
			}
			equal(e, "applied", first, 1)
			resume := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.Resume(by()) })
			e.oneOK("another command each", store.ErrConflict, func(i int) error {
				c := resume
				c.ID = fmt.Sprint(c.ID, i)
				_, err := e.Apply(e.ctx, c)
				return err
			})
		},
		"Commit": commitsAtOnce,
		"Reserve": func(e *env) {
			lock := func(id plan.ID) store.TenantLock {
				return store.TenantLock{Tenant: "at once", Plan: id, Ordinal: 1, Start: 1}
			}
			held := errors.New("held")
			e.oneOK("reserve", held, func(i int) error {
				others, err := e.Reserve(e.ctx, []store.TenantLock{lock(plan.ID(i + 1))})
				if err == nil && len(others) > 0 {
					return held
				}
				return err
			})
			now, err := e.Locks(e.ctx, []string{"at once"})
			e.ok(err)
			if len(now) != 1 {
				e.Fatalf("locks: %v", now)
			}
			e.oneOK("replace", held, func(i int) error {
				ok, err := e.Replace(e.ctx, now[0], lock(plan.ID(i+10)))
				if err == nil && !ok {
					return held
				}
				return err
			})
			e.allOK("locks", func(int) (err error) { _, err = e.Locks(e.ctx, []string{"at once"}); return err })
			now, err = e.Locks(e.ctx, []string{"at once"})
			e.ok(err)
			e.allOK("release", func(int) error { return e.Release(e.ctx, now) })
			now, err = e.Locks(e.ctx, []string{"at once"})
			e.ok(err)
			equal(e, "locks left", len(now), 0)
		},
		"Replace": func(*env) {}, "Release": func(*env) {}, "Locks": func(*env) {}, // with Reserve
	}
}

// commitsAtOnce: different claims get different tasks, repeats of one claim get the same tasks, and
// a repeated change is applied once.
func commitsAtOnce(e *env) {
	r := e.start(20, concurrently(12))
	claim := func(id string) (store.Batch, error) {
		b := store.Batch{Plan: r.id, Claim: store.Claim{ID: id, Worker: "worker", Max: 5}}
		err := e.Commit(e.ctx, &b)
		return b, err
	}
	var got [callers]store.Batch
	e.allOK("claims", func(i int) (err error) { got[i], err = claim(fmt.Sprint("own", i)); return err })
	taken := make(map[task.ID]task.Token)
	for i := range got {
		for _, t := range got[i].Claimed {
			if _, twice := taken[t.ID]; twice {
				e.Errorf("task %s was claimed twice", t.ID)
			}
			taken[t.ID] = t.Token
		}
	}
	equal(e, "claimed", len(taken), 12)
	done := got[0].Claimed
	if len(done) == 0 {
		done = got[1].Claimed
	}
	before := r.read().LastEvent
	e.allOK("completed", func(int) error {
		b := store.Batch{Plan: r.id}
		for _, t := range done {
			b.Changes = append(b.Changes, store.Change{Task: t.ID, Token: t.Token, Seq: 1, Kind: store.Complete})
		}
		err := e.Commit(e.ctx, &b)
		for _, w := range b.Changes {
			err = errors.Join(err, w.Err)
		}
		return err
	})
	equal(e, "events", r.read().LastEvent, before+int64(len(done)))
	e.allOK("the same claim", func(i int) (err error) { got[i], err = claim("shared"); return err })
	for i := range got {
		for _, t := range got[i].Claimed {
			if old, known := taken[t.ID]; known && old != t.Token {
				e.Errorf("task %s was given out with tokens %d and %d", t.ID, old, t.Token)
			}
			taken[t.ID] = t.Token
		}
	}
	equal(e, "held", r.read().Counters.Held, 12)
}

func leasesAtOnce() map[string]func(*env) {
	return map[string]func(*env){
		"Join": func(e *env) {
			r := e.start(4, concurrently(4))
			name := e.unique("worker")
			e.allOK("join", func(int) error { return e.Join(e.ctx, name, time.Minute, store.Process{}) })
			r.take(name, 3)
			beats := func(want int) func(int) error {
				return func(int) error {
					held, err := e.Heartbeat(e.ctx, name, time.Minute, []plan.ID{r.id})
					if err == nil && len(held) != want {
						return fmt.Errorf("%d tasks are held, want %d", len(held), want)
					}
					return err
				}
			}
			e.allOK("heartbeat", beats(3))
			orphans := func(want int) func(int) error {
				return func(int) error {
					lost, err := e.Orphans(e.ctx, r.id)
					if err == nil && len(lost) != want {
						return fmt.Errorf("%d orphans, want %d", len(lost), want)
					}
					return err
				}
			}
			e.allOK("orphans", orphans(0))
			e.allOK("report", func(int) error { return e.Report(e.ctx, name, store.Load{Held: 3, Plans: []plan.ID{r.id}}) })
			e.allOK("holdings", func(int) error {
				held, err := e.Holdings(e.ctx, r.id, name)
				equal(e, "holdings", len(held), 3)
				return err
			})
			e.allOK("workers", func(int) error {
				workers, err := e.Workers(e.ctx, "", 0)
				i := slices.IndexFunc(workers, func(w store.Worker) bool { return w.Name == name })
				if err == nil && (i < 0 || workers[i].Held != 3) {
					err = fmt.Errorf("the workers are %+v", workers)
				}
				return err
			})
			e.allOK("leave", func(int) error { return e.Leave(e.ctx, name) })
			e.allOK("orphans of one that left", orphans(3))
		},
		"Heartbeat": func(*env) {}, "Orphans": func(*env) {}, "Leave": func(*env) {}, // with Join
		"Report": func(*env) {}, "Workers": func(*env) {}, "Holdings": func(*env) {}, // likewise
		"Due": func(e *env) {
			r := e.start(1, concurrently(1))
			var stamps [callers]uint64
			e.allOK("due", func(i int) error {
				plans, err := e.Due(e.ctx, nil, 0)
				for _, d := range plans {
					if d.ID == r.id {
						stamps[i] = d.Stamp
					}
				}
				return err
			})
			for _, stamp := range stamps {
				equal(e, "stamp", stamp, stamps[0])
			}
			e.allOK("reschedule", func(int) error {
				return e.Reschedule(e.ctx, r.id, stamps[0], store.Next{After: time.Hour, Executor: "EXECUTOR"})
			})
			equal(e, "due after a rest", e.due(r.id) != nil, false)
			equal(e, "due for its executor", e.due(r.id, "EXECUTOR") != nil, true)
			e.allOK("remind", func(int) error { return e.Remind(e.ctx, map[plan.ID]time.Duration{r.id: 0}) })
			equal(e, "due when reminded", e.due(r.id) != nil, true)
		},
		"Reschedule": func(*env) {}, "Remind": func(*env) {}, // with Due
		"Listen": func(e *env) {
			ctx, cancel := context.WithTimeout(e.ctx, e.h.TTL)
			defer cancel()
			for i, err := range atOnce(func(int) error { return e.Listen(ctx, func(store.Hint) {}) }) {
				if !errors.Is(err, context.DeadlineExceeded) {
					e.Errorf("listen, caller %d: %v", i, err)
				}
			}
		},
		"Cursor": func(e *env) {
			r := e.start(1, concurrently(1))
			e.oneOK("cursor", store.ErrConflict, func(i int) error {
				_, err := e.Cursor(e.ctx, r.id, "many", fmt.Sprint(i), time.Minute)
				return err
			})
			e.allOK("the cursor of one", func(int) error {
				_, err := e.Cursor(e.ctx, r.id, "one", "me", time.Minute)
				return err
			})
			e.allOK("move", func(int) error { return e.MoveCursor(e.ctx, r.id, "one", "me", 1) })
		},
		"MoveCursor": func(*env) {}, // with Cursor
	}
}

// readsAtOnce: every concurrent caller of the same read gets an answer, which is not an empty list.
func readsAtOnce() map[string]func(*env) {
	same := func(what string, read func(e *env, r *rollout) (any, error)) func(*env) {
		return func(e *env) {
			r := e.mixed(9)
			e.allOK(what, func(int) error {
				answer, err := read(e, r)
				if n := reflect.ValueOf(answer); err == nil && n.Kind() == reflect.Slice && n.Len() == 0 {
					return errors.New("an empty answer")
				}
				return err
			})
		}
	}
	return map[string]func(*env){
		"Plan":  same("plan", func(e *env, r *rollout) (any, error) { return e.Plan(e.ctx, r.id) }),
		"Plans": same("plans", func(e *env, _ *rollout) (any, error) { return e.Plans(e.ctx, store.PlanQuery{}) }),
		"Task":  same("task", func(e *env, r *rollout) (any, error) { return e.Task(e.ctx, task.NewID(r.id, 1)) }),
		"Tasks": same("tasks", func(e *env, r *rollout) (any, error) {
			tasks, _, err := e.Tasks(e.ctx, r.id, store.TaskQuery{})
			return tasks, err
		}),
		"TasksAt": same("tasks at", func(e *env, r *rollout) (any, error) { return e.TasksAt(e.ctx, r.id, []int{1, 9}) }),
		"States":  same("states", func(e *env, r *rollout) (any, error) { return e.States(e.ctx, r.id, 0, 0) }),
		"Tenants": same("tenants", func(e *env, r *rollout) (any, error) { return e.Tenants(e.ctx, r.id, 0, 0) }),
		"PlanEvents": same("plan events", func(e *env, r *rollout) (any, error) {
			return e.PlanEvents(e.ctx, r.id, 0, 0)
		}),
		"Events": same("events", func(e *env, r *rollout) (any, error) { return e.Events(e.ctx, r.id, 0, 0) }),
	}
}
