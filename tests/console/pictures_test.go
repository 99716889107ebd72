package console_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// Every page can be read light and dark, wide and on a phone, in both languages: nothing is wider
// than the window. If CUTOVER_PICTURES names a folder, the test takes pictures there, for those who
// want to look at them, and for docs/images.
func TestPictures(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.exhibit(t)
	h.subscribe(t)
	h.failSince(t, time.Now().Add(-time.Hour), id)
	pages := []struct{ name, query, ready string }{
		{"plans", "", `document.querySelectorAll(".plan-row").length > 2`},
		{"plan", "?plan=" + id.String(), `document.querySelector(".failure") && document.querySelector("canvas").height > 100`},
		{"failures", "?plan=" + id.String() + "&state=FAILED", `document.querySelector(".failure") && document.querySelectorAll(".task-row").length > 2`},
		{"task", fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+5), `document.querySelector(".reason") && document.querySelector(".headline")`},
		{"new", "?new=", `document.querySelector("form")`},
		{"tenants", "?tenant=held-0001", `document.querySelector("table")`},
		{"workers", "?workers=", `document.querySelector("table")`},
		{"notifiers", "?notifiers=", `document.querySelector("details.settings") && document.querySelector(".headline")`},
	}
	p := h.open(t, "")
	for _, look := range []struct {
		name, settings, scheme string
		width, height          int64
	}{
		{"light", `{"lang":"en"}`, "light", 1200, 850}, {"dark", `{"lang":"en"}`, "dark", 1200, 850},
		{"phone", `{"lang":"en"}`, "light", 360, 800}, {"zh", `{"lang":"zh-CN"}`, "dark", 360, 800},
	} {
		p.resize(look.width, look.height, look.scheme)
		p.run(chromedp.Evaluate(fmt.Sprintf(`localStorage.setItem("cutover.settings", %q)`, look.settings), nil))
		for _, page := range pages {
			p.run(chromedp.Navigate(h.url + page.query))
			p.until("Boolean(" + page.ready + ")")
			if page.name == "new" {
				p.fillIn()
			}
			if page.name == "failures" {
				p.run(chromedp.Evaluate(`document.querySelector(".failure").parentElement.scrollIntoView()`, nil))
			}
			p.until(`document.documentElement.scrollWidth <= innerWidth`)
			p.picture(look.name + "-" + page.name)
		}
	}
	p.quiet(noPreview)
}

// fillIn fills in the form of a new plan.
func (p *page) fillIn() {
	p.t.Helper()
	p.run(chromedp.Evaluate(`document.querySelector("[name=tenants]").value = ""; for (const e of document.querySelectorAll("form input")) e.value = ""`, nil))
	p.write("name", "to blue")
	p.write("executorType", "MOVE")
	p.write("tenants", strings.Join(names("tenant-", 400), "\n")[:200])
	p.write("strategy.waveSizes", "1, 25%")
	p.until(`document.querySelector("td") !== null`)
	p.run(chromedp.Evaluate(`scrollTo(0, document.body.scrollHeight)`, nil))
}

// exhibit makes plans in several states, and returns a running one of 3,000 tenants with failures.
func (h *host) exhibit(t *testing.T) plan.ID {
	t.Helper()
	waves := []strategy.Wave{
		{Name: "canary", Size: strategy.Count(4), Canary: true}, {Name: "some", Size: strategy.Percent(20), BakeTime: time.Second},
		{Name: "rest", Approval: true, BakeTime: time.Hour},
	}
	h.create(t, strategy.Strategy{}, names("late-", 40)...)
	done := h.create(t, strategy.Strategy{MaxConcurrency: strategy.Count(20)}, names("tenant-", 300)...)
	h.give(t, h.engine.Start, done, cutover.By("ada"))
	h.failing(t, append(names("early-", 3), names("late-", 30)...)...)
	p, err := h.engine.Create(context.Background(), plan.Spec{
		Name: "night shift", ExecutorType: "MOVE", Annotations: map[string]string{"owner": "grace", "ticket": "https://tickets.example/OPS-7"},
		Tenants:  plan.Tenants(append(append(append(names("eu-", 4), names("broken-", 7)...), names("held-", 9)...), names("us-", 2980)...)...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(30), MaxFailures: strategy.Count(9), Waves: waves},
	}, cutover.By("grace"))
	if err != nil {
		t.Fatal(err)
	}
	h.give(t, h.engine.Start, p.ID, cutover.By("ada"))
	h.counted(t, p.ID, task.Failed, 7)
	h.counted(t, p.ID, task.Running, 9)
	return p.ID
}
