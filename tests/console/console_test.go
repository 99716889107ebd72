package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
)

// noPreview is what a browser complains of although nothing is wrong: the preview of what is not
// complete yet is refused.
const noPreview = "/preview"

// create creates a plan.
func (h *host) create(t *testing.T, s strategy.Strategy, tenants ...string) plan.ID {
	t.Helper()
	p, err := h.engine.Create(context.Background(), plan.Spec{
		Name: "night shift", ExecutorType: "MOVE", Tenants: plan.Tenants(tenants...), Strategy: s,
	}, cutover.By("grace"))
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}

// names returns n names of tenants.
func names(prefix string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("%s%04d", prefix, i+1))
	}
	return list
}

// The way of a plan from the form to its end, over a failure.
func TestAPlanFromItsFormToItsEnd(t *testing.T) {
	t.Parallel()
	h := start(t)
	p := h.open(t, "")
	p.sees("No plans yet.")
	p.press("New plan")
	p.write("name", "to blue")
	p.write("executorType", "MOVE")
	p.write("tenants", strings.Join([]string{"ada", "bob", "cleo", "broken-1", "broken-2", "", "ada"}, "\n"))
	p.sees("tenantIds[5]")
	p.run(chromedp.Evaluate(`document.querySelector("[name=tenants]").value = ""`, nil))
	p.write("tenants", strings.Join([]string{"ada", "bob", "cleo", "broken-1", "broken-2"}, "\n"))
	p.write("strategy.waveSizes", "2, 100%")
	p.sees("Worst case")
	p.picture("new")
	p.press("Create plan")
	p.sees("Not started. Tenants: 5.")
	p.picture("created")
	p.press("Start")
	p.press("Start") // in the dialog
	p.sees("Stopped. Failed: 1.")
	p.sees("GATEWAY_TIMEOUT")
	p.sees("the gateway did not answer within 10s <b>")
	p.picture("failed")
	h.set(func() { h.broken = false })
	p.press("Retry")
	p.press("Retry")
	p.sees("Completed. Nothing to do.")
	p.run(chromedp.Click(`[data-key="legend-COMPLETED"]`, chromedp.ByQuery))
	p.sees("cleo")
	p.picture("completed")
	p.quiet(noPreview)
}

// A rollout that waits, is paused, goes on, is approved of and rolled back.
func TestPauseResumeApproveRollback(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{MaxConcurrency: strategy.Count(2), Waves: []strategy.Wave{
		{Name: "first", Size: strategy.Count(2), Canary: true}, {Name: "rest", Approval: true},
	}}, "held-1", "held-2", "ada", "bob")
	p := h.open(t, "?plan="+id.String())
	p.sees("Not started")
	p.press("Start")
	p.press("Start")
	p.sees("Running. Nothing to do.")
	p.press("Pause")
	p.press("Alarms") // a quick pick
	p.press("Pause")
	p.sees("Paused by hand.")
	close(h.gate)
	p.press("Resume")
	p.press("Resume")
	p.sees("Wave 2 rest waits for an approval.")
	p.picture("approval")
	p.press("Approve")
	p.press("Approve")
	p.sees("Completed. Nothing to do.")
	p.press("Roll back")
	p.press("Roll back")
	p.sees("is needed") // the reason
	p.press("Wrong version")
	p.press("Roll back")
	p.sees("Rolled back. Nothing to do.")
	p.sees("“Wrong version”")
	p.quiet()
}

// The page of a task: its failure, its checkpoint to the last digit, and its retry.
func TestTask(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "broken-1", "ada")
	if _, err := h.engine.Start(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p := h.open(t, fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+1))
	p.sees("Failed with GATEWAY_TIMEOUT. It waits for a person.")
	p.sees("9007199254740993")
	p.sees("night shift")
	p.picture("task")
	h.set(func() { h.broken = false })
	p.press("Retry")
	p.press("Retry")
	p.sees("Nothing more is to be done.")
	p.sees("Failed attempts")
	p.until(`document.querySelectorAll("table tr").length === 2 && document.querySelector("td code").innerText === "GATEWAY_TIMEOUT"`)
	p.quiet()
}

// On a phone, in Chinese and in dark colours nothing is wider than the screen.
func TestPhone(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{
		MaxConcurrency: strategy.Count(20), MaxFailures: strategy.Count(40), WaveSizes: []strategy.Amount{strategy.Count(10), strategy.Percent(50)},
	}, append(names("broken-", 30), names("tenant-", 2970)...)...)
	if _, err := h.engine.Start(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p := h.open(t, "?plan="+id.String(), chromedp.Flag("accept-lang", "zh-CN"))
	p.run(chromedp.Evaluate(`localStorage.setItem("cutover.settings", '{"lang":"zh-CN"}')`, nil), chromedp.Reload())
	p.resize(360, 800, "dark")
	p.sees("租户")
	for _, query := range []string{"?plan=" + id.String(), "?new=", "", fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+1)} {
		p.run(chromedp.Navigate(h.url + query))
		p.until(`document.querySelector("h1") !== null`)
		p.picture("phone-" + strings.Map(func(r rune) rune {
			if r == '?' || r == '&' {
				return '_'
			}
			return r
		}, query))
		p.until(`document.documentElement.scrollWidth <= 360`)
	}
	p.quiet(noPreview)
}

// The number of more than 100 tenants has to be typed.
func TestManyTenantsAreConfirmed(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{MaxConcurrency: strategy.Count(50)}, names("tenant-", 3000)...)
	p := h.open(t, "?plan="+id.String())
	p.sees("Not started. Tenants: 3,000.")
	p.press("Start")
	p.write("count", "300")
	p.press("Start")
	p.sees("is not 3,000")
	p.write("count", "0")
	p.press("Start")
	p.sees("Completed. Nothing to do.")
	p.picture("many")
	p.resize(1366, 900, "dark")
	p.picture("many-dark")
	p.run(chromedp.Navigate(h.url))
	p.sees("night shift")
	p.sees("ada") // who has started it
	p.until(`document.querySelector(".who").innerText === "ada"`)
	p.picture("plans-dark")
	p.quiet()
}

// Who is signed out is told so, and keeps what is typed.
func TestSignedOut(t *testing.T) {
	t.Parallel()
	h := start(t)
	p := h.open(t, "?new=")
	p.write("name", "typed")
	h.set(func() { h.signedOut = true })
	p.write("tenants", "ada")
	p.sees("You are signed out.")
	h.set(func() { h.signedOut = false })
	p.press("Try again")
	p.until(`!document.body.innerText.includes("You are signed out.")`)
	p.until(`document.querySelector("[name=name]").value === "typed"`)
	p.quiet(noPreview)
}

// A proxy that gets no answer is no end of the session, though it answers with a page.
func TestBadGateway(t *testing.T) {
	t.Parallel()
	h := start(t)
	p := h.open(t, "")
	p.sees("No plans yet.")
	h.set(func() { h.badGateway = prefix })
	h.server.CloseClientConnections()
	p.until(`document.querySelector("#banner").innerText !== ""`)
	if text := p.text("#banner"); !strings.Contains(text, "The server does not answer.") {
		t.Errorf("the page says %q", text)
	}
	h.set(func() { h.badGateway = "" })
	p.until(`document.querySelector("#banner").innerText === ""`)
	p.until(`document.querySelector("#mode").innerText.includes("live")`)
	p.quiet("502", "ERR_")
}

// What somebody else does is seen at once over the stream, without a poll; while there is no stream
// the page polls, and later a new stream takes over.
func TestLive(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	p := h.open(t, "?plan="+id.String())
	p.sees("Not started")
	p.until(`document.querySelector("#mode").innerText.includes("live")`)
	polled := "GET " + prefix + "plans/" + id.String() + " "
	asked := 0
	h.await(t, func() bool { asked += h.asked(polled); return asked >= 3 }) // by the page, before the stream, and after it
	if _, err := h.engine.Start(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p.sees("Running. Nothing to do.")
	if n := h.asked(polled); n > 0 {
		t.Errorf("%d polls although there is a stream", n)
	}
	h.set(func() { h.noStream = true })
	h.server.CloseClientConnections()
	p.sees("every 2 s")
	if _, err := h.engine.Pause(context.Background(), id, cutover.By("grace"), cutover.Because("seen without a stream")); err != nil {
		t.Fatal(err)
	}
	p.sees("seen without a stream")
	h.set(func() { h.noStream = false })
	p.until(`document.querySelector("#mode").innerText.includes("live")`)
	close(h.gate)
	if _, err := h.engine.Resume(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p.sees("Completed. Nothing to do.")
	// The newest row came last, and is read first.
	p.until(`[...document.querySelectorAll(".log .row")].every((row, i, all) => i === 0 || all[i - 1].offsetTop < row.offsetTop)`)
	p.quiet("stream?", "ERR_")
}

// A matrix of 100,000 tenants is drawn, can be walked with the keyboard, and leads to their tasks.
func TestLargeMatrix(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, names("tenant-", 100_000)...)
	p := h.open(t, "?plan="+id.String())
	p.until(`document.querySelector(".matrix canvas")?.height > 200`)
	p.run(chromedp.Focus(".matrix canvas", chromedp.ByQuery), chromedp.KeyEvent(kb.End))
	p.sees("100,000: tenant-100000, Pending")
	p.picture("large")
	p.run(chromedp.KeyEvent(kb.Enter))
	p.sees("Nobody has started the plan.")
	p.until(`document.activeElement.tagName === "H1"`)
	p.quiet()
}

// Who may only look sees no command, in a second browser at the same time, and what the first one
// does.
func TestTwoBrowsers(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	first, second := h.open(t, "?plan="+id.String()), h.open(t, "?plan="+id.String(), chromedp.UserAgent(reader))
	second.sees("Not started")
	first.press("Start")
	first.press("Start")
	second.sees("Running. Nothing to do.")
	first.until(`document.querySelector("[data-key=action-pause]") !== null`)
	second.until(`document.querySelector(".next .actions button") === null`)
	close(h.gate)
	first.sees("Completed. Nothing to do.")
	second.sees("Completed. Nothing to do.")
	first.quiet()
	second.quiet()
}

// A command that does not apply any more says so, and nothing is done.
func TestHonestAnswers(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	p := h.open(t, "?plan="+id.String())
	p.sees("Not started")
	p.press("Start") // the dialog is open, and somebody else is quicker
	if _, err := h.engine.Start(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p.press("Start")
	p.sees("The plan has changed; nothing was done.")
	p.press("Not now")
	p.press("Pause")
	if _, err := h.engine.Pause(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p.press("Pause")
	p.sees("Nothing changed: it was so already.")
	close(h.gate)
	p.quiet("412", "/start")
}

// A plan that the caller may not view is not named, though it holds a tenant.
func TestHiddenPlanHoldsATenant(t *testing.T) {
	t.Parallel()
	h := start(t)
	hidden, err := h.engine.Create(context.Background(), plan.Spec{Name: "hidden", ExecutorType: "MOVE", Tenants: plan.Tenants("held-1")})
	if err != nil {
		t.Fatal(err)
	}
	h.give(t, h.engine.Start, hidden.ID)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	p := h.open(t, "?plan="+id.String(), chromedp.UserAgent(narrow))
	p.press("Start")
	p.press("Start")
	p.sees("Other plans work on these tenants; nothing was done. held-1")
	p.until(`!document.querySelector("dialog").innerText.includes("undefined")`)
	p.quiet("409", "/start")
}

// A session of the keyboard alone: from the list to a plan, and a command with its reason.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	p := h.open(t, "")
	p.sees("night shift")
	p.run(chromedp.Focus(".plan-row", chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	p.sees("Not started")
	p.until(`document.activeElement.tagName === "H1"`)
	p.run(chromedp.Focus("[data-key=action-cancel]", chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	p.until(`document.activeElement.name === "reason"`)
	p.run(chromedp.KeyEvent("by keyboard"), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab), chromedp.KeyEvent(kb.Tab))
	p.until(`document.activeElement.type === "submit"`)
	p.run(chromedp.KeyEvent(kb.Enter))
	p.sees("Cancelled. Nothing runs any more.")
	if got, err := h.engine.Plan(context.Background(), id); err != nil || got.State != plan.Canceled {
		t.Errorf("%v %v", got.State, err)
	}
	p.quiet()
}

// The failures of one cause are retried by that cause, all at once.
func TestRetryOfACause(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{MaxFailures: strategy.Count(5)}, "broken-1", "ada", "broken-2")
	if _, err := h.engine.Start(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	p := h.open(t, "?plan="+id.String())
	p.sees("Completed. Failed within the tolerance: 2.")
	h.set(func() { h.broken = false })
	p.run(chromedp.Click(`.failure button`, chromedp.ByQuery))
	p.sees("Retry: 2 tenants")
	p.press("Retry")
	p.sees("being changed: 2")
	p.sees("Completed. Nothing to do.")
	p.quiet()
}
