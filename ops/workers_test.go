package ops_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// join lists a worker.
func (s *site) join(name string, p store.Process) {
	s.t.Helper()
	if err := s.store.Join(s.t.Context(), name, time.Hour, p); err != nil {
		s.t.Fatal(err)
	}
}

// holds lets a worker take tasks of a started plan, and report it.
func (s *site) holds(worker string, tasks int, id plan.ID, plans ...plan.ID) {
	s.t.Helper()
	b := store.Batch{Plan: id, Claim: store.Claim{ID: "c" + worker, Worker: worker, Max: tasks}}
	if err := s.store.Commit(s.t.Context(), &b); err != nil || len(b.Claimed) != tasks {
		s.t.Fatalf("%d claimed, %v", len(b.Claimed), err)
	}
	if err := s.store.Report(s.t.Context(), worker, store.Load{Held: tasks, Plans: append(plans, id)}); err != nil {
		s.t.Fatal(err)
	}
}

func TestWorkersAreListed(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	if r := s.send("GET", "workers", ""); r.status != http.StatusOK || strings.TrimSpace(r.text) != `{"workers":[]}` {
		t.Errorf("nobody: %d %s", r.status, r.text)
	}
	for i := range 5 {
		s.join(fmt.Sprintf("node-%d/a b", i), store.Process{Capacity: i})
	}
	s.join("node-2/a b", store.Process{Capacity: 16, Executors: []string{"X", "Y"}})
	id := s.create(plan.Spec{Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(3)}}, "a", "b", "c")
	s.start(id)
	s.holds("node-2/a b", 2, id)
	var names []string
	for cursor, pages := "", 0; ; pages++ {
		r := s.send("GET", "workers?limit=2"+cursor, "")
		if r.status != http.StatusOK || pages > 3 {
			t.Fatalf("%d %s", r.status, r.text)
		}
		for _, row := range r.body["workers"].([]any) {
			row := row.(map[string]any)
			names = append(names, fmt.Sprint(row["worker"], " ", row["held"], "/", row["capacity"], row["executors"], row["tasks"]))
			for _, at := range []string{"joinedAt", "leaseUntil"} {
				if _, err := time.Parse(time.RFC3339, row[at].(string)); err != nil {
					t.Error(err)
				}
			}
		}
		next, more := r.body["next"].(string)
		if !more {
			break
		}
		cursor = "&cursor=" + next
	}
	want := "node-0/a b 0/0 [] <nil>, node-1/a b 0/1 [] <nil>, node-2/a b 2/16 [X Y] <nil>, node-3/a b 0/3 [] <nil>, node-4/a b 0/4 [] <nil>"
	if got := strings.Join(names, ", "); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	r := s.send("GET", "workers?worker="+url.QueryEscape("node-2/a b"), "")
	tasks := fmt.Sprint(r.body["workers"].([]any)[0].(map[string]any)["tasks"])
	if want := "[map[plan:1 planName:n state:RUNNING task:1.000001e+06 tenant:a] map[plan:1 planName:n state:RUNNING task:1.000002e+06 tenant:b]]"; tasks != want {
		t.Errorf("%s\nwant %s", tasks, want)
	}
	if r := s.send("GET", "workers?worker="+url.QueryEscape("node-1/a b"), ""); !strings.Contains(r.text, `"tasks":[]`) {
		t.Errorf("one that holds nothing: %s", r.text)
	}
}

// Nobody learns by a worker of plans that he may not view.
func TestWorkersNameNoHiddenPlan(t *testing.T) {
	t.Parallel()
	odd := limited{"eve", func(_ ops.Action, p *plan.Plan) bool { return p != nil && p.ID != 1 }}
	s := newSite(t, nil, ops.Config{Authenticate: as(odd)})
	for i := range 2 {
		id := s.create(plan.Spec{}, fmt.Sprint("secret", i))
		s.start(id)
		s.join("w", store.Process{})
		b := store.Batch{Plan: id, Claim: store.Claim{ID: "c", Worker: "w", Max: 1}}
		if err := s.store.Commit(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.store.Report(t.Context(), "w", store.Load{Held: 2, Plans: []plan.ID{1, 2, 3}}); err != nil {
		t.Fatal(err)
	}
	r := s.send("GET", "workers?worker=w", "")
	if r.status != http.StatusOK || strings.Contains(r.text, "secret0") || !strings.Contains(r.text, "secret1") || r.body["partly"] != nil {
		t.Errorf("%d %s", r.status, r.text)
	}
}

func TestWorkersAreAskedForProperly(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	s.join("w", store.Process{})
	for target, want := range map[string]string{
		"workers?worker=":              "404 ",
		"workers?worker=nobody":        "404 ",
		"workers?worker=..%2F..%00":    "404 ",
		"workers?worker=w&worker=w":    "400 [worker is given twice]",
		"workers?worker=w&limit=1":     "400 [limit is given together with worker]",
		"workers?limit=0":              "400 [limit is not a number from 1 to 1000]",
		"workers?cursor=dw":            "400 [cursor is not one that a page of this list has named]",
		"workers?cursor=cDE":           "400 [cursor is not one that a page of this list has named]",
		"workers?x=1&worker=w&cursor=": "400 [x is unknown cursor is given together with worker]",
	} {
		r := s.send("GET", target, "")
		got := fmt.Sprint(r.status, " ")
		if faults := r.faults(); faults != nil {
			got += fmt.Sprint(faults)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", target, got, want)
		}
	}
}

// sickWorkers is a store in which a worker cannot be read.
type sickWorkers struct{ store.Store }

func (d sickWorkers) Workers(ctx context.Context, from string, limit int) ([]store.Worker, error) {
	workers, err := d.Store.Workers(ctx, from, limit)
	if err == nil {
		err = &store.CorruptError{Key: "secret", Reason: "secret"}
	}
	return workers, err
}

func TestWorkersThatArePartlyRead(t *testing.T) {
	t.Parallel()
	s := newSite(t, sickWorkers{memstore.New()}, ops.Config{})
	if r := s.send("GET", "workers", ""); r.status != http.StatusInternalServerError || r.code() != "CORRUPT" {
		t.Errorf("%d %s", r.status, r.text)
	}
	s.join("w", store.Process{})
	r := s.send("GET", "workers", "")
	partly, _ := r.body["partly"].(map[string]any)
	if r.status != http.StatusOK || len(r.body["workers"].([]any)) != 1 || partly["code"] != "CORRUPT" || strings.Contains(r.text, "secret") {
		t.Errorf("%d %s", r.status, r.text)
	}
}
