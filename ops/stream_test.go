package ops_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// runAlso runs another engine over a store: it does the work. It ends with the test, or with stop.
func runAlso(t *testing.T, s store.Store, x executor.Func) (e *cutover.Engine, stop func()) {
	t.Helper()
	e, err := cutover.New(s, cutover.Config{Executors: executor.Registry{"X": x}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := e.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return e, stop
}

// takes is an executor that takes some time.
func takes(least, most time.Duration) executor.Func {
	return func(context.Context, *executor.Run) error {
		time.Sleep(least + rand.N(most-least+1))
		return nil
	}
}

// many returns names of tenants.
func many(n int) (tenants []string) {
	for i := range n {
		tenants = append(tenants, fmt.Sprintf("t%d", i))
	}
	return tenants
}

// A stream begins with the time and the plan, and goes on with events and plans; the id of a
// message has all positions.
func TestStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		h := streaming(t, s, ops.Config{})
		one, two := s.create(plan.Spec{}, "a"), s.create(plan.Spec{}, "b")
		c := watch(t, s.handler, fmt.Sprintf("?plan=%d&plan=%d", two, one))
		first := c.news()
		if len(first) != 3 || first[0].event != "ping" || first[0].id != "2:1,1:1" || first[0].data["version"] != 1.0 ||
			first[1].event != "plan" || first[1].data["planId"] != 2.0 || first[1].id != "" || first[2].data["planId"] != 1.0 {
			t.Fatalf("it begins with %+v", first)
		}
		for name, want := range map[string]string{
			"Content-Type": "text/event-stream", "X-Accel-Buffering": "no", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
		} {
			if got := c.header.Get(name); got != want {
				t.Errorf("%s: %q", name, got)
			}
		}
		if document := s.send("GET", "plans/1", ""); len(first[2].data) != len(document.body) || first[2].data["actions"] == nil {
			t.Errorf("the plan is %v\nwant %v", first[2].data, document.body)
		}
		time.Sleep(time.Minute)
		if more := c.news(); len(more) != 6 || len(kind("ping", more)) != 6 {
			t.Errorf("in a minute without a change there came %v", more)
		}
		runAlso(t, m, takes(time.Minute, time.Minute))
		s.start(one)
		s.start(two)
		time.Sleep(time.Hour)
		got := c.news()
		if want := []int64{2, 3, 4, 5}; !slices.Equal(numbers(got, 1), want) || !slices.Equal(numbers(got, 2), want) {
			t.Errorf("events %v and %v, want %v", numbers(got, 1), numbers(got, 2), want)
		}
		plans := kind("plan", got)
		if last := plans[len(plans)-1].data; last["state"] != "COMPLETED" || lastID(got) != "2:5,1:5" {
			t.Errorf("it ends with %v at %s", last, lastID(got))
		}
		if events := kind("events", got); events[0].data["events"].([]any)[0].(map[string]any)["cause"] != "start" {
			t.Errorf("the first event is %v", events[0].data)
		}
		c.leave()
		nothingLeft(t, h)
	})
}

// Whenever clients come back, and with whichever position: each gets every event, once and in
// order.
func TestStreamOverReconnects(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		h := streaming(t, s, ops.Config{})
		soft := plan.Spec{Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(20), MaxFailures: strategy.Percent(100)}}
		one, two := s.create(soft, many(400)...), s.create(soft, "x", "y", "z")
		runAlso(t, m, takes(time.Millisecond, 3*time.Second))
		const clients = 10
		ended := make(chan error, clients)
		for n := range clients {
			go func() { ended <- follower(t, s, n%2 == 0) }()
		}
		time.Sleep(time.Second)
		s.start(one)
		s.start(two)
		for range clients {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
		nothingLeft(t, h)
	})
}

// follower follows plans 1 and 2 to their ends from their creations on, and comes back again and
// again, by the header or by the parameter.
func follower(t *testing.T, s *site, header bool) error {
	t.Helper()
	id, got := "1:0,2:0", map[float64][]int64{}
	for range 10_000 {
		query, headers := "?plan=1&plan=2", []string{"Last-Event-ID", id}
		if !header {
			query, headers = query+"&after="+id, nil
		}
		c := watch(t, s.handler, query, headers...)
		time.Sleep(rand.N(3 * time.Second))
		c.leave()
		list := c.unread()
		if last := lastID(list); last != "" {
			id = last
		}
		for _, n := range []float64{1, 2} {
			got[n] = append(got[n], numbers(list, n)...)
		}
		if id == "1:803,2:9" {
			break
		}
	}
	for n, last := range map[float64]int64{1: 803, 2: 9} {
		for i, seq := range got[n] {
			if seq != int64(i+1) {
				return fmt.Errorf("event %d of plan %v follows %d", seq, n, i)
			}
		}
		if int64(len(got[n])) != last {
			return fmt.Errorf("%d events of plan %v, want %d", len(got[n]), n, last)
		}
	}
	return nil
}

// The first event of a burst comes at once, the others at most ten times a second. A document comes
// at most once a second, and the last one is the present one.
func TestStreamPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		streaming(t, s, ops.Config{})
		id := s.create(plan.Spec{}, many(300)...)
		e, _ := runAlso(t, m, takes(10*time.Millisecond, 10*time.Millisecond))
		h := mount(t, e, ops.Config{})
		c := watch(t, h, "?plan=1")
		time.Sleep(5*time.Second + 30*time.Millisecond)
		c.news()
		began := time.Now()
		if _, err := e.Start(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		got := c.messages()
		events, plans := kind("events", got), kind("plan", got)
		if first := events[0].at; first.Sub(began) > 0 {
			t.Errorf("the first event comes after %s", first.Sub(began))
		}
		if len(events) < 25 || len(numbers(got, 1)) != 602 {
			t.Errorf("%d events in %d messages", len(numbers(got, 1)), len(events))
		}
		for i := 1; i < len(events); i++ {
			if d := events[i].at.Sub(events[i-1].at); d < 100*time.Millisecond {
				t.Errorf("events after %s", d)
			}
		}
		for i := 1; i < len(plans); i++ {
			if d := plans[i].at.Sub(plans[i-1].at); d < time.Second {
				t.Errorf("plans after %s", d)
			}
		}
		if last := plans[len(plans)-1]; last.data["state"] != "COMPLETED" || len(plans) < 4 || len(plans) > 8 {
			t.Errorf("%d plans, the last is %s", len(plans), last.text)
		}
	})
}

// A client that takes nothing is cut after ten seconds. Nobody else notices.
func TestStalledClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		h := streaming(t, s, ops.Config{})
		id := s.create(plan.Spec{}, many(50)...)
		runAlso(t, m, takes(time.Second, time.Second))
		stalled, other := watch(t, s.handler, "?plan=1"), watch(t, s.handler, "?plan=1")
		time.Sleep(time.Second)
		stalled.stall()
		s.start(id)
		time.Sleep(9 * time.Second)
		if stalled.over() {
			t.Error("cut too soon")
		}
		time.Sleep(2 * time.Second)
		if !stalled.over() {
			t.Error("not cut")
		}
		time.Sleep(time.Minute)
		if got := numbers(other.messages(), 1); len(got) != 102 {
			t.Errorf("the other client has %d events", len(got))
		}
		other.leave()
		nothingLeft(t, h)
	})
}

// What may not be viewed is not there. If that becomes so later, the stream says it, and goes on
// with the other plans.
func TestStreamOfHiddenPlans(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		var hidden plan.ID
		caller := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p == nil || p.ID != hidden }}
		h := streaming(t, s, ops.Config{Authenticate: as(caller)})
		one, two := s.create(plan.Spec{}, "a"), s.create(plan.Spec{}, "b")
		c := watch(t, s.handler, "?plan=1&plan=2&list=1")
		time.Sleep(3 * time.Second)
		c.news()
		hidden = one
		if r := watch(t, s.handler, "?plan=2&plan=1").refused(); r.status != http.StatusNotFound || r.text != s.send("GET", "plans/99", "").text {
			t.Errorf("%d %s", r.status, r.text)
		}
		s.start(one)
		s.start(two)
		time.Sleep(3 * time.Second)
		got := c.news()
		resets := kind("reset", got)
		if len(resets) != 1 || resets[0].data["plan"] != 1.0 || resets[0].data["code"] != "NOT_FOUND" || resets[0].id != "2:1" {
			t.Fatalf("resets: %v", resets)
		}
		if numbers(got, 1) != nil || !slices.Equal(numbers(got, 2), []int64{2}) || strings.Contains(fmt.Sprint(kind("list", got)), "planId:1 ") {
			t.Errorf("%v", got)
		}
		again := watch(t, s.handler, "?plan=1&plan=2", "Last-Event-ID", "1:1,2:1")
		if got := kind("reset", again.messages()); len(got) != 1 || got[0].data["plan"] != 1.0 || again.status != http.StatusOK {
			t.Errorf("%v", again.messages())
		}
		again.leave()
		c.leave()
		nothingLeft(t, h)
	})
}
