package console_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

// fleet are answers of a host with workers, one of which holds a task, and with a tenant in two
// plans.
func fleet() map[string]string {
	at := func(p int, planState, state string) string {
		return fmt.Sprintf(`{"plan":%d,"planName":"night shift <b>","planState":"%s","task":%d000001,"state":"%s","attempt":2,"updatedAt":"2026-11-30T03:00:00.000Z"`, p, planState, p, state)
	}
	worker := `{"worker":"node-1/3f9c","capacity":16,"executors":["MOVE","FAIL"],"held":3,"joinedAt":"2026-11-30T03:00:00.000Z","leaseUntil":"` +
		time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"`
	late := `{"worker":"node-2/77aa","capacity":4,"executors":[],"held":0,"leaseUntil":"2020-11-30T03:00:00.000Z","joinedAt":"2020-11-30T03:00:00.000Z"}`
	held := `{"tenant":"a/../b&c","held":true,"holder":` + at(9, "FAILED", "FAILED") + `,"worker":"node-1/3f9c"}`
	return map[string]string{
		"tenants?id=a%2F..%2Fb%26c":            held + `,"tasks":[` + at(9, "FAILED", "FAILED") + `}],"searchedDownTo":5,"next":"xyz"}`,
		"tenants?id=a%2F..%2Fb%26c&cursor=xyz": held + `,"tasks":[` + at(3, "COMPLETED", "COMPLETED") + `}],"searchedDownTo":1}`,
		"workers?limit=200":                    `{"workers":[` + worker + `}],"next":"xyz"}`,
		"workers?limit=400":                    `{"workers":[` + worker + `},` + late + `],"partly":{"code":"CORRUPT","title":"Stored data is damaged","status":500}}`,
		"workers?worker=node-1%2F3f9c":         `{"workers":[` + worker + `,"tasks":[{"plan":7,"planName":"night <b>","task":7000001,"tenant":"acme","state":"RUNNING"}]}]}`,
	}
}

// A tenant is found by its id, whatever that is: who works on it, and which plans have it.
func TestTenant(t *testing.T) {
	t.Parallel()
	const id = "held-/../<b>&c"
	h := start(t)
	h.give(t, h.engine.Start, h.create(t, strategy.Strategy{}, id, "ada"))
	p := h.open(t, "?tenant="+url.QueryEscape(id))
	p.sees("Plan #1 night shift works on it, or keeps it.")
	p.sees("All plans are searched.")
	p.until(`document.querySelector("dd a[href*=worker]") !== null && document.querySelectorAll("tbody tr").length === 1`)
	h.create(t, strategy.Strategy{}, "bob", id)
	p.until(`[...document.querySelectorAll("tbody tr")].map(row => row.innerText.match(/#\d/)).join() === "#2,#1"`) // seen without a reload
	close(h.gate)
	p.sees("No plan works on it.")
	p.run(chromedp.Navigate(h.url + "?tenant=nobody"))
	p.sees("No plan works on it.")
	p.until(`document.querySelectorAll("tbody tr").length === 0`)
	p.quiet()
}

// That a plan works on a tenant is told to those who may not see it.
func TestTenantOfAHiddenPlan(t *testing.T) {
	t.Parallel()
	h := start(t)
	hidden, err := h.engine.Create(context.Background(), plan.Spec{Name: "hidden", ExecutorType: "MOVE", Tenants: plan.Tenants("held-1")})
	if err != nil {
		t.Fatal(err)
	}
	h.give(t, h.engine.Start, hidden.ID)
	p := h.open(t, "?tenant=held-1", chromedp.UserAgent(narrow))
	p.sees("A plan that you may not see works on it.")
	p.quiet()
}

// Plans that have a tenant are searched further on request.
func TestTenants(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.set(func() { h.answers = fleet() })
	p := h.open(t, "")
	p.sees("No plans yet.")
	p.press("Tenants")
	p.until(`document.activeElement.tagName === "H1" && document.querySelector("nav [aria-current=page]").innerText === "Tenants"`)
	p.run(chromedp.SendKeys("[type=search]", "a/../b&c"+kb.Enter, chromedp.ByQuery))
	p.sees("Plan #9 night shift <b> works on it, or keeps it.")
	p.sees("node-1/3f9c")
	p.sees("Searched down to plan 5.")
	p.picture("tenants")
	p.press("Search on")
	p.sees("All plans are searched.")
	p.until(`[...document.querySelectorAll("tbody tr")].map(row => row.querySelector("a").innerText).join() === "#9 night shift <b>,#3 night shift <b>"`)
	p.until(`document.querySelector("tbody a").search === "?plan=9"`)
	p.quiet()
}

// The workers that have a lease are listed, as many as somebody wants to see.
func TestManyWorkers(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.set(func() { h.answers = fleet() })
	p := h.open(t, "?workers=")
	p.sees("3 / 16")
	p.until(`/5\d min/.test(document.body.innerText)`)
	p.press("More")
	p.sees("node-2/77aa")
	p.sees("over")
	p.sees("Stored data is damaged") // and what is missing
	p.press("node-1/3f9c")
	p.sees("#7 night <b>")
	p.quiet()
}

// A worker shows what it holds, and that it is gone.
func TestWorker(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	h.give(t, h.engine.Start, id)
	p := h.open(t, "?workers=")
	p.until(`document.querySelector("td meter")?.value === 1`)
	p.run(chromedp.Focus("td a", chromedp.ByQuery), chromedp.Evaluate(`document.querySelector("td").old = true`, nil))
	p.until(`!document.querySelector("td").old && document.activeElement.matches("td a")`) // the lease was renewed
	p.run(chromedp.Click("td a", chromedp.ByQuery))
	p.sees("held-1")
	p.sees("#1 night shift")
	p.press("held-1")
	p.until(`document.querySelector(".title .badge")?.innerText === "Running" && document.querySelector("dd a").search.startsWith("?worker=")`)
	close(h.gate)
	p.run(chromedp.Navigate(h.url + "?worker=gone"))
	p.sees("There is no such thing, or you may not see it.")
	p.quiet("404")
}

// subscribe registers the notifier of the host, and one of another process.
func (h *host) subscribe(t *testing.T) {
	t.Helper()
	for _, name := range []string{"pager", "elsewhere"} {
		if _, err := h.store.Subscribe(context.Background(), name, true); err != nil {
			t.Fatal(err)
		}
	}
}

// failSince makes the notifier of the host fail since a time, with a dead letter about a plan.
func (h *host) failSince(t *testing.T, at time.Time, id plan.ID) {
	t.Helper()
	ctx := context.Background()
	if err := h.store.ReportSubscription(ctx, "pager", store.SubscriptionStatus{Ready: true, FailingSince: at, ErrorAt: at, Error: "410 <b>Gone"}); err != nil {
		t.Fatal(err)
	}
	if err := h.store.AddDeadLetter(ctx, "pager", store.DeadLetter{ID: "one", Plan: id, First: 1, Last: 1, At: at, Reason: "nobody there"}); err != nil {
		t.Fatal(err)
	}
}

// That nobody is told of failures is seen: no notifier, one that is silent, one that fails, and
// what could not be sent. It is sent again, and the sink is tested.
func TestNotifiers(t *testing.T) {
	t.Parallel()
	h := start(t)
	p := h.open(t, "")
	p.sees("No plans yet.")
	p.press("Notifiers")
	p.sees("There is no notifier: nobody is told of failures.")
	h.subscribe(t)
	p.sees("Not begun: a process has to run it.")
	p.sees("This server does not run it")
	id := h.create(t, strategy.Strategy{}, "ada")
	p.sees("Silent:")
	h.failSince(t, time.Now().Add(-time.Hour), id)
	p.sees("Fails.")
	p.sees("410 <b>Gone")
	p.press("Dead letters")
	p.sees("nobody there")
	p.picture("notifiers")
	p.accessible("notifiers")
	h.set(func() { h.unheard = true })
	p.press("Test")
	p.press("Test")
	p.sees("Sent: 0.")
	p.sees("the pager does not answer")
	h.set(func() { h.unheard = false })
	p.press("Send again")
	p.sees("until one fails: 1.")
	p.press("Send again")
	p.sees("Sent: 1. Left: 0.")
	p.until(`!document.querySelector("#main").innerText.includes("nobody there")`)
	p.quiet()
}
