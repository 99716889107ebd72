package ops_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
)

// notified is a site with a notifier of its own, one that another process has, and two dead
// letters.
func notified(t *testing.T, sink notify.Sink, c ops.Config) *site {
	t.Helper()
	s := memstore.New()
	pager, err := notify.New(newSite(t, s, ops.Config{}).engine, "pager", sink, notify.Config{})
	if err != nil {
		t.Fatal(err)
	}
	c.Notifiers = []*notify.Notifier{pager}
	site := newSite(t, s, c)
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"pager", "elsewhere"} {
		_, err := s.Subscribe(t.Context(), name, true)
		ok(err)
	}
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	ok(s.ReportSubscription(t.Context(), "pager", store.SubscriptionStatus{Ready: true, FailingSince: at, ErrorAt: at, Error: "no answer"}))
	id := site.create(plan.Spec{}, "a")
	for _, letter := range []store.DeadLetter{{ID: "one", Plan: id, First: 1, Last: 1, At: at, Reason: "410"}, {ID: "two", Plan: id + 100, First: 1, Last: 1, At: at}} {
		ok(s.AddDeadLetter(t.Context(), "pager", letter))
	}
	return site
}

func quiet(context.Context, notify.Message) error { return nil }

// Everybody who may view all plans sees the notifiers of the store; actions tell whether this
// process can use them.
func TestNotifiers(t *testing.T) {
	t.Parallel()
	s := notified(t, notify.Func(quiet), ops.Config{})
	r := s.send("GET", "notifiers", "")
	all, _ := r.body["notifiers"].([]any)
	if r.status != http.StatusOK || len(all) != 2 {
		t.Fatalf("%d %s", r.status, r.text)
	}
	other, own := all[0].(map[string]any), all[1].(map[string]any)
	if own["name"] != "pager" || own["unread"] != 1.0 || own["lag"] != 1.0 || own["deadLetters"] != 2.0 || own["lastError"] != "no answer" ||
		own["failingSince"] != "2026-11-29T12:00:00.000Z" || len(own["actions"].([]any)) != 1 {
		t.Errorf("pager: %v", own)
	}
	if other["name"] != "elsewhere" || other["ready"] != false || len(other["actions"].([]any)) != 0 || other["failingSince"] != nil {
		t.Errorf("elsewhere: %v", other)
	}
	r = s.send("GET", "notifiers/pager/deadletters", "")
	letters, _ := r.body["deadLetters"].([]any)
	if len(letters) != 2 || letters[0].(map[string]any)["reason"] != "410" {
		t.Errorf("%d %s", r.status, r.text)
	}
	for _, name := range []string{"nobody", "a%20b"} {
		if r := s.send("GET", "notifiers/"+name+"/deadletters", ""); r.status != http.StatusNotFound {
			t.Errorf("%s: %d %s", name, r.status, r.text)
		}
	}
}

// A test, and dead letters sent again, answer with what the sink did, and are audited.
func TestNotifierCommands(t *testing.T) {
	t.Parallel()
	var fails atomic.Bool
	var heard []ops.Command
	sink := notify.Func(func(context.Context, notify.Message) error {
		if fails.Load() {
			return errors.New("no answer")
		}
		return nil
	})
	s := notified(t, sink, ops.Config{Audit: func(_ context.Context, c ops.Command) { heard = append(heard, c) }})
	check := func(path, body string, status int, sent, left float64, failure string) {
		t.Helper()
		r := s.send("POST", path, body)
		got, _ := r.body["error"].(string)
		if r.status != status || status == http.StatusOK && (r.body["sent"] != sent || r.body["left"] != left || got != failure) {
			t.Errorf("%s %s: %d %s", path, body, r.status, r.text)
		}
	}
	check("notifiers/pager/test", "", http.StatusOK, 1, 0, "")
	fails.Store(true)
	check("notifiers/pager/test", "", http.StatusOK, 0, 0, "no answer")
	check("notifiers/pager/redeliver", "", http.StatusOK, 0, 2, "no answer")
	fails.Store(false)
	check("notifiers/pager/redeliver", `{"ids": ["none"]}`, http.StatusNotFound, 0, 0, "")
	check("notifiers/pager/redeliver", `{"ids": "one"}`, http.StatusBadRequest, 0, 0, "")
	check("notifiers/pager/redeliver", `{"ids": ["one"]}`, http.StatusOK, 1, 1, "")
	check("notifiers/pager/redeliver", "", http.StatusOK, 0, 0, "") // its plan was removed
	check("notifiers/elsewhere/test", "", http.StatusNotFound, 0, 0, "")
	if len(heard) != 8 || heard[0].Notifier != "pager" || heard[0].Action != ops.Notify || heard[0].Status != http.StatusOK {
		t.Errorf("heard %+v", heard)
	}
}

// Who may not view all plans sees no notifier; who may only view commands none.
func TestWhoMayUseNotifiers(t *testing.T) {
	t.Parallel()
	reader := notified(t, notify.Func(quiet), ops.Config{Authenticate: ops.ReadOnly(ops.AllowAll("bob"))})
	r := reader.send("GET", "notifiers", "")
	all, _ := r.body["notifiers"].([]any)
	if r.status != http.StatusOK || len(all) != 2 || len(all[1].(map[string]any)["actions"].([]any)) != 0 {
		t.Errorf("%d %s", r.status, r.text)
	}
	if r := reader.send("POST", "notifiers/pager/test", ""); r.status != http.StatusForbidden {
		t.Errorf("%d %s", r.status, r.text)
	}
	nobody := notified(t, notify.Func(quiet), ops.Config{Authenticate: func(*http.Request) (ops.Caller, error) { return nothing{}, nil }})
	for path, status := range map[string]int{"notifiers": http.StatusForbidden, "notifiers/pager/deadletters": http.StatusForbidden} {
		if r := nobody.send("GET", path, ""); r.status != status {
			t.Errorf("%s: %d %s", path, r.status, r.text)
		}
	}
	if r := nobody.send("POST", "notifiers/pager/redeliver", ""); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// nothing is a caller who may do nothing.
type nothing struct{}

func (nothing) Actor() string { return "nobody" }

func (nothing) May(ops.Action, *plan.Plan) bool { return false }
