package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func registryCases() []testCase {
	return []testCase{
		{name: "lists who joined", run: registryLists},
		{name: "pages", run: registryPages},
		{name: "ends with the lease", run: registryEnds},
		{name: "tells what is held", run: registryReports},
		{name: "refuses what makes no sense", run: registryRefuses},
		{name: "holdings", run: registryHoldings},
	}
}

// workers returns all workers.
func (e *env) workers() []store.Worker {
	e.Helper()
	workers, err := e.Workers(e.ctx, "", 0)
	e.ok(err)
	return workers
}

func namesOf(workers []store.Worker) string {
	var names []string
	for _, w := range workers {
		names = append(names, w.Name)
	}
	return fmt.Sprintf("%q", names)
}

// oddNames are names that a store has to tell apart, and must not take for anything else.
func oddNames() []string {
	return []string{"a", "a\x00", "a\n b", "a/../b", "a{b}", "B", "ä", "\xff", "-", "+", "(a", "[a", "a-1", "a-10", "a-2"}
}

func registryLists(e *env) {
	equal(e, "workers at first", len(e.workers()), 0)
	before := e.clock()
	for i, name := range oddNames() {
		e.ok(e.Join(e.ctx, name, time.Hour, store.Process{Capacity: i, Executors: []string{"A", fmt.Sprint("ä\n", i)}}))
	}
	e.ok(e.Join(e.ctx, "a", time.Hour, store.Process{Executors: []string{"A", "ä\n0"}})) // a repeat
	after := e.clock()
	workers := e.workers()
	names := oddNames()
	slices.Sort(names)
	equal(e, "workers", namesOf(workers), fmt.Sprintf("%q", names))
	for _, w := range workers {
		equal(e, "capacity of "+w.Name, w.Capacity, slices.Index(oddNames(), w.Name))
		equal(e, "executors of "+w.Name, fmt.Sprintf("%q", w.Executors), fmt.Sprintf("%q", []string{"A", fmt.Sprint("ä\n", w.Capacity)}))
		equal(e, "held by "+w.Name, w.Held+len(w.Plans), 0)
		if w.JoinedAt.Before(before) || w.JoinedAt.After(after) {
			e.Errorf("%q joined at %s, not from %s to %s", w.Name, w.JoinedAt, before, after)
		}
		if left := w.LeaseUntil.Sub(w.JoinedAt); left < time.Hour-time.Second || left > time.Hour+time.Minute {
			e.Errorf("the lease of %q lasts for %s", w.Name, left)
		}
	}
}

// clock returns a time of the store's clock.
func (e *env) clock() time.Time {
	e.Helper()
	return e.create(1, concurrently(1)).read().Now
}

func registryPages(e *env) {
	for i := range 7 {
		e.ok(e.Join(e.ctx, fmt.Sprint("w", i), time.Minute, store.Process{}))
	}
	for _, left := range []string{"w0", "w3", "w4"} {
		e.ok(e.Leave(e.ctx, left))
	}
	for from, want := range map[string]string{
		"": `["w1" "w2"]`, "w": `["w1" "w2"]`, "w2": `["w2" "w5"]`, "w3": `["w5" "w6"]`, store.NameAfter("w2"): `["w5" "w6"]`,
		store.NameAfter("w5"): `["w6"]`, store.NameAfter("w6"): `[]`,
	} {
		page, err := e.Workers(e.ctx, from, 2)
		e.ok(err)
		equal(e, "the page from "+from, namesOf(page), want)
	}
}

func registryEnds(e *env) {
	e.ok(e.Join(e.ctx, "left", time.Minute, store.Process{}))
	e.ok(e.Join(e.ctx, "over", e.h.TTL, store.Process{}))
	e.ok(e.Join(e.ctx, "stays", time.Minute, store.Process{}))
	e.workers()
	e.ok(e.Leave(e.ctx, "left"))
	e.outlast(e.h.TTL)
	e.beat("stays", time.Hour)
	workers := e.workers()
	equal(e, "workers", namesOf(workers), `["stays"]`)
	if left := workers[0].LeaseUntil.Sub(e.clock()); left < 59*time.Minute || left > time.Hour+time.Minute {
		e.Errorf("the lease that was renewed for an hour lasts for %s", left)
	}
	for _, name := range []string{"left", "over", "nobody"} {
		e.is(e.Report(e.ctx, name, store.Load{}), store.ErrLeaseExpired)
	}
	equal(e, "workers after reports of others", namesOf(e.workers()), `["stays"]`)
}

func registryReports(e *env) {
	p := store.Process{Capacity: 9, Executors: []string{"A"}}
	e.ok(e.Join(e.ctx, "me", time.Minute, p))
	for _, l := range []store.Load{{Held: 5, Plans: []plan.ID{1, 3}}, {Held: 1, Plans: []plan.ID{2}}, {}} {
		e.ok(e.Report(e.ctx, "me", l))
		e.ok(e.Report(e.ctx, "me", l))
		w := e.workers()[0]
		equal(e, "what it holds", fmt.Sprint(w.Load), fmt.Sprint(l))
		equal(e, "what it told", fmt.Sprint(w.Process), fmt.Sprint(p))
		if left := w.LeaseUntil.Sub(w.JoinedAt); left > 2*time.Minute {
			e.Errorf("the report renews the lease, for %s", left)
		}
	}
	e.beat("me", time.Minute)
	equal(e, "what it told, after a heartbeat", fmt.Sprint(e.workers()[0].Process), fmt.Sprint(p))
}

func registryRefuses(e *env) {
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	long := strings.Repeat("x", plan.MaxName+1)
	for what, p := range map[string]store.Process{
		"a negative capacity": {Capacity: -1}, "too great a capacity": {Capacity: store.MaxCapacity + 1},
		"too many executors": {Executors: make([]string, store.MaxExecutors+1)}, "a long executor": {Executors: []string{long}}, "an empty executor": {Executors: []string{""}},
		"no UTF-8": {Executors: []string{"\xff"}},
	} {
		e.refused(what, e.Join(e.ctx, "other", time.Minute, p))
	}
	for what, l := range map[string]store.Load{
		"less than nothing": {Held: -1}, "too much": {Held: store.MaxCapacity + 1}, "too many plans": {Plans: make([]plan.ID, store.MaxBatch+1)},
	} {
		e.refused(what, e.Report(e.ctx, "me", l))
	}
	for _, limit := range []int{-1, store.MaxPage + 1} {
		_, err := e.Workers(e.ctx, "", limit)
		e.refused(fmt.Sprint("a page of ", limit), err)
	}
	equal(e, "workers", namesOf(e.workers()), `["me"]`)
}

func registryHoldings(e *env) {
	r, other := e.start(9, concurrently(9)), e.start(2, concurrently(2))
	e.ok(e.Join(e.ctx, "me", time.Minute, store.Process{}))
	r.take("you", 2)
	mine := r.take("me", 3)
	other.take("me", 1)
	r.do(mine[1].work(store.Complete))
	r.order(mine[2].ID.Ordinal(), plan.Plan.PauseTask)
	for worker, want := range map[string][]int{"": {1, 2, 3, 5}, "me": {3, 5}, "you": {1, 2}, "nobody": nil} {
		held, err := e.Holdings(e.ctx, r.id, worker)
		e.ok(err)
		var ordinals []int
		for _, h := range held {
			ordinals = append(ordinals, h.Task.Ordinal())
			if own := h.Worker == "me"; own != (h.Task.Ordinal() >= 3) || h.Token == 0 || (h.Stop == task.StopPause) != (h.Task == mine[2].ID) {
				e.Errorf("task %s is named as %+v", h.Task, h)
			}
		}
		equal(e, "holdings of "+worker, fmt.Sprint(ordinals), fmt.Sprint(want))
	}
}
