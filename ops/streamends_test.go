package ops_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/store/storetest"
)

// Close ends the streams, and everything that runs for them. A stream that is asked for later ends
// at once, with a status after which browsers connect again. All else is served on.
func TestClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, "a")
		var clients []*screen
		for range 20 {
			clients = append(clients, watch(t, s.handler, "?plan=1&list=1"))
		}
		time.Sleep(5 * time.Second)
		h.Close()
		h.Close()
		for _, c := range clients {
			<-c.ended
		}
		nothingLeft(t, h)
		late := watch(t, s.handler, "?plan=1")
		<-late.ended
		if late.status != http.StatusOK || late.header.Get("Content-Type") != "text/event-stream" || late.pending != "" {
			t.Errorf("%d %q", late.status, late.pending)
		}
		if r := s.send("GET", "plans/1", ""); r.status != http.StatusOK {
			t.Errorf("%d %s", r.status, r.text)
		}
		nothingLeft(t, h)
	})
}

// A stream ends after half an hour, so that its client is authenticated anew.
func TestStreamAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		s.create(plan.Spec{}, "a")
		c := watch(t, s.handler, "?plan=1")
		time.Sleep(29 * time.Minute)
		if synctest.Wait(); c.over() {
			t.Error("ended too soon")
		}
		time.Sleep(2 * time.Minute)
		if synctest.Wait(); !c.over() {
			t.Error("has not ended")
		}
	})
}

// There are at most 2,000 streams. One that ends makes room for another.
func TestStreamLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, "a")
		var clients []*screen
		for range ops.MaxStreams {
			clients = append(clients, watch(t, s.handler, "?plan=1"))
		}
		synctest.Wait()
		if r := watch(t, s.handler, "?plan=1").refused(); r.status != http.StatusTooManyRequests || r.code() != "TOO_MANY_STREAMS" || r.header.Get("Retry-After") == "" {
			t.Errorf("%d %s", r.status, r.text)
		}
		clients[0].leave()
		if c := watch(t, s.handler, "?plan=1"); len(c.messages()) != 2 {
			t.Errorf("%d %v", c.status, c.messages())
		}
		if open, followed := h.Streams(); open != ops.MaxStreams || followed != 1 {
			t.Errorf("%d streams, %d plans", open, followed)
		}
	})
}

// opaque is the ResponseWriter of a middleware that hides what the server's can do.
type opaque struct{ http.ResponseWriter }

// flushing can flush, and nothing else.
type flushing struct{ http.ResponseWriter }

func (flushing) Flush() {}

// A middleware that keeps messages back, or deadlines from being set, is named before anything is
// sent, and in the log.
func TestStreamBehindMiddleware(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s := newSite(t, nil, ops.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	s.create(plan.Spec{}, "a")
	for part, wrap := range map[string]func(http.ResponseWriter) http.ResponseWriter{
		"neither Flush nor Unwrap": func(w http.ResponseWriter) http.ResponseWriter { return opaque{w} },
		"SetWriteDeadline":         func(w http.ResponseWriter) http.ResponseWriter { return flushing{w} },
	} {
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(wrap(w), httptest.NewRequestWithContext(t.Context(), "GET", "/api/stream?plan=1", nil))
		if w.Code != http.StatusNotImplemented || !strings.Contains(w.Body.String(), `"code":"NO_STREAM"`) || !strings.Contains(w.Body.String(), part) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log has %q", log.String())
		}
	}
}

// A host's function that panics ends the stream that asked it, whenever that is.
func TestStreamOfAPanickingCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		calls, last := 0, 0
		caller := limited{"eve", func(ops.Action, *plan.Plan) bool {
			if calls++; calls == last {
				panic("secret")
			}
			return true
		}}
		h := streaming(t, s, ops.Config{Authenticate: as(caller), Logger: slog.New(slog.DiscardHandler)})
		s.create(plan.Spec{}, "a")
		for last = range 30 {
			calls = 0
			c := watch(t, s.handler, "?plan=1&list=1")
			time.Sleep(3 * time.Second)
			if synctest.Wait(); calls >= last && last > 0 && (!c.over() || strings.Contains(c.pending, "secret")) {
				t.Errorf("after %d calls it goes on: %q", last, c.pending)
			}
			c.leave()
			nothingLeft(t, h)
		}
	})
}

// While the store is away a stream stays open: it says so once, with every ping, and when it is
// over, and then goes on without a gap.
func TestStreamWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		faulty := storetest.Faulty(m, storetest.FaultConfig{})
		s := newSite(t, faulty, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, many(20)...)
		e, _ := runAlso(t, m, takes(time.Second, time.Second))
		plans, list := watch(t, s.handler, "?plan=1"), watch(t, s.handler, "?list=1")
		synctest.Wait() // they have begun
		if _, err := e.Start(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Second + 500*time.Millisecond)
		before := plans.news()
		list.news()
		faulty.Partition()
		left := time.Now()
		time.Sleep(time.Minute)
		for name, got := range map[string][]message{"plans": plans.news(), "list": list.news()} {
			away, pings := kind("away", got), kind("ping", got)
			if len(away) != 1 || len(pings) < 5 || len(away)+len(pings) != len(got) {
				t.Fatalf("%s: %v", name, got)
			}
			since, err := time.Parse(time.RFC3339, away[0].data["since"].(string))
			if err != nil || since.Before(left) || since.After(left.Add(2*time.Second)) || away[0].at.After(left.Add(6*time.Second)) {
				t.Errorf("%s: away since %v, said after %s: %v", name, since, away[0].at.Sub(left), err)
			}
			if last := pings[len(pings)-1]; last.data["away"] != away[0].data["since"] {
				t.Errorf("%s: %s", name, last.text)
			}
		}
		if r := watch(t, s.handler, "?plan=1").refused(); r.code() != "STORE_UNAVAILABLE" {
			t.Errorf("a new stream: %d %s", r.status, r.text)
		}
		faulty.Heal()
		time.Sleep(20 * time.Second)
		after := plans.news()
		if pings := kind("ping", after); pings[len(pings)-1].data["away"] != nil || len(kind("away", after)) > 0 {
			t.Errorf("it is back: %v", after)
		}
		if got := append(numbers(before, 1), numbers(after, 1)...); len(got) != 42 || got[0] != 2 || got[41] != 43 || !slices.IsSorted(got) {
			t.Errorf("events %v", got)
		}
		got, back := list.news(), 0
		got = slices.DeleteFunc(got, func(m message) bool { return strings.Contains(m.text, `"delete"`) }) // that comes a minute after its end
		for i, m := range got {
			if m.event == "ping" && m.data["away"] == nil {
				back = i
				break
			}
		}
		if back == 0 || len(kind("list", got[back:])) != 1 || len(kind("list", got)) != 1 {
			t.Errorf("the list: %v", got)
		}
		plans.leave()
		list.leave()
		nothingLeft(t, h)
	})
}

// rewound is a store whose plans are those of another one from some time on, as if a backup was
// restored.
type rewound struct {
	store.Store
	other atomic.Pointer[memstore.Store]
}

func (r *rewound) Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error) {
	if other := r.other.Load(); other != nil {
		return other.Events(ctx, id, after, limit)
	}
	return r.Store.Events(ctx, id, after, limit)
}

func (r *rewound) Plan(ctx context.Context, id plan.ID) (plan.Plan, error) {
	if other := r.other.Load(); other != nil {
		return other.Plan(ctx, id)
	}
	return r.Store.Plan(ctx, id)
}

// When the store goes back in time, all streams of the plan say so, and go on at the present.
func TestStreamOfARewoundStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, other := &rewound{Store: memstore.New()}, memstore.New()
		past := newSite(t, other, ops.Config{})
		past.create(plan.Spec{}, "b")
		s := newSite(t, r, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, "a")
		s.start(1)
		if _, err := s.engine.Pause(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		one, two := watch(t, s.handler, "?plan=1"), watch(t, s.handler, "?plan=1", "Last-Event-ID", "1:1")
		time.Sleep(5 * time.Second)
		one.news()
		if got := numbers(two.news(), 1); len(got) < 2 {
			t.Fatalf("events %v", got)
		}
		r.other.Store(other)
		time.Sleep(5 * time.Second)
		past.start(1)
		time.Sleep(5 * time.Second)
		for _, c := range []*screen{one, two} {
			got := c.news()
			resets := kind("reset", got)
			if len(resets) != 1 || resets[0].data["code"] != "EVENTS_AHEAD" || resets[0].id != "1:1" || !slices.Equal(numbers(got, 1), []int64{2}) {
				t.Errorf("%v", got)
			}
		}
		late := watch(t, s.handler, "?plan=1", "Last-Event-ID", "1:3")
		if got := kind("reset", late.messages()); len(got) != 1 || got[0].data["params"].(map[string]any)["newest"] != 2.0 || got[0].id != "1:2" {
			t.Errorf("beyond the end: %v", late.messages())
		}
		for _, c := range []*screen{one, two, late} {
			c.leave()
		}
		nothingLeft(t, h)
	})
}

// A position whose events are not kept any more is reset to the present.
func TestStreamOfTrimmedEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.NewWith(memstore.Config{MaxEvents: 5})
		s := newSite(t, m, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{Strategy: strategy.Strategy{MaxConcurrency: strategy.Percent(100)}}, many(50)...)
		s.start(1)
		live := watch(t, s.handler, "?plan=1")
		runAlso(t, m, takes(time.Millisecond, time.Millisecond))
		time.Sleep(10 * time.Second)
		// All that the watcher has not read at once is trimmed.
		got := live.news()
		if n, resets := len(numbers(got, 1)), len(kind("reset", got)); n+resets == 0 || n < 101 && resets == 0 || lastID(got) != "1:103" {
			t.Errorf("%d events, %d resets, at %s", n, resets, lastID(got))
		}
		late := watch(t, s.handler, "?plan=1", "Last-Event-ID", "1:3")
		if got := kind("reset", late.messages()); len(got) != 1 || got[0].data["code"] != "EVENTS_TRIMMED" || got[0].data["params"].(map[string]any)["first"] == nil || got[0].id != "1:103" {
			t.Errorf("%v", late.messages())
		}
		live.leave()
		late.leave()
		nothingLeft(t, h)
	})
}

// A plan that is removed is reset for good. The stream goes on with the others, and a browser that
// comes back is told again.
func TestStreamOfARemovedPlan(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, "a")
		s.create(plan.Spec{}, "b")
		if _, err := s.engine.Cancel(t.Context(), 1, cutover.Because("r")); err != nil {
			t.Fatal(err)
		}
		c, list := watch(t, s.handler, "?plan=1&plan=2"), watch(t, s.handler, "?list=1")
		time.Sleep(10 * time.Second)
		list.news()
		for more := true; more; {
			var err error
			if more, err = m.Remove(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if got := kind("reset", c.news()); len(got) != 1 || got[0].data["plan"] != 1.0 || got[0].data["code"] != "NOT_FOUND" || got[0].id != "2:1" {
			t.Fatalf("%v", got)
		}
		if got := kind("list", list.news()); len(got) != 1 || !slices.Equal(got[0].data["removed"].([]any), []any{1.0}) {
			t.Errorf("the list: %v", got)
		}
		again := watch(t, s.handler, "?plan=1", "Last-Event-ID", "1:2")
		if got := kind("reset", again.news()); len(got) != 1 || lastID(again.unread()) != "" {
			t.Errorf("%v", again.unread())
		}
		s.start(2)
		time.Sleep(time.Second)
		if got := numbers(c.news(), 2); !slices.Equal(got, []int64{2}) {
			t.Errorf("events of the other plan: %v", got)
		}
		for _, one := range []*screen{c, list, again} {
			one.leave()
		}
		nothingLeft(t, h)
	})
}

// The list has the rows that change, at most every two seconds, with the actions of the caller.
func TestStreamOfTheList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := memstore.New()
		s := newSite(t, m, ops.Config{})
		h := streaming(t, s, ops.Config{})
		s.create(plan.Spec{}, "a")
		first := watch(t, s.handler, "?list=1")
		time.Sleep(time.Second)
		// The first stream has the list read, and is told of it or finds it there.
		if got := rowsOf(t, first.news()); len(got) > 0 && !slices.Equal(got, []string{"1"}) {
			t.Fatalf("it begins with %q", got)
		}
		second := watch(t, s.handler, "?list=1")
		s.create(plan.Spec{}, "b")
		runAlso(t, m, takes(20*time.Second, 20*time.Second))
		time.Sleep(2500 * time.Millisecond)
		s.start(1)
		time.Sleep(time.Minute)
		for _, c := range []*screen{first, second} {
			lists := kind("list", c.news())
			rows := lists[0].data["plans"].([]any)
			if len(rows) != 1 || rows[0].(map[string]any)["planId"] != 2.0 || rows[0].(map[string]any)["actions"] == nil {
				t.Errorf("a new plan: %s", lists[0].text)
			}
			var states []any
			for i, l := range lists[1:] {
				row := l.data["plans"].([]any)[0].(map[string]any)
				states = append(states, row["state"])
				if row["planId"] != 1.0 || l.at.Sub(lists[i].at) < 2*time.Second {
					t.Errorf("after %s: %s", l.at.Sub(lists[i].at), l.text)
				}
			}
			if len(states) < 2 || states[0] != "RUNNING" || states[len(states)-1] != "COMPLETED" {
				t.Errorf("states %v", states)
			}
			c.leave()
		}
		nothingLeft(t, h)
	})
}
