package console_test

import (
	"context"
	_ "embed"
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/cutover-go/cutover/plan/strategy"
)

// access checks what a page looks like.
//
//go:embed testdata/access.js
var access string

// named are the roles of the accessibility tree that need a name.
var named = map[string]bool{
	"RootWebArea": true, "button": true, "link": true, "textbox": true, "searchbox": true, "combobox": true, "listbox": true, "option": true,
	"checkbox": true, "radio": true, "meter": true, "image": true, "dialog": true, "region": true, "group": false, "heading": true,
	"DisclosureTriangle": true, "application": true, "columnheader": true, "spinbutton": true,
}

// accessible fails the test if the page has barriers: for those who see little, and for those who
// use a keyboard or a screen reader. A page that is just being drawn has some for a moment.
func (p *page) accessible(what string) {
	p.t.Helper()
	var faults []string
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if faults = p.barriers(); len(faults) == 0 || time.Now().After(end) {
			break
		}
	}
	for _, fault := range faults {
		p.t.Errorf("%s: %s", what, fault)
	}
}

// barriers returns the barriers that the page has now.
func (p *page) barriers() (faults []string) {
	p.t.Helper()
	p.run(chromedp.Evaluate(access, &faults))
	var tree struct {
		Nodes []node `json:"nodes"`
	}
	p.run(chromedp.ActionFunc(func(ctx context.Context) error {
		return cdp.Execute(ctx, accessibility.CommandGetFullAXTree, accessibility.GetFullAXTree(), &tree)
	}))
	landmarks := map[string]int{}
	for _, n := range tree.Nodes {
		if n.Ignored {
			continue
		}
		role := n.Role.Value
		landmarks[role]++
		if name, _ := n.Name.Value.(string); named[role] && name == "" {
			faults = append(faults, fmt.Sprintf("a %s without a name (node %d)", role, n.Element))
		}
	}
	for role, want := range map[string]int{"main": 1, "banner": 1} {
		if landmarks[role] != want && landmarks["dialog"] == 0 {
			faults = append(faults, fmt.Sprintf("%d landmarks %s", landmarks[role], role))
		}
	}
	if len(tree.Nodes) < 20 {
		faults = append(faults, fmt.Sprintf("only %d nodes", len(tree.Nodes)))
	}
	return faults
}

// node is a node of the accessibility tree. The client's own type does not know all that a newer
// browser says.
type node struct {
	Ignored bool `json:"ignored"`
	Role    struct {
		Value string `json:"value"`
	} `json:"role"`
	Name struct {
		Value any `json:"value"`
	} `json:"name"`
	Element int64 `json:"backendDOMNodeId"`
}

// A screen reader is told at most every 5 s what changes, and by nothing else than what is meant
// for it.
func TestAnnouncements(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, names("tenant-", 50)...)
	p := h.open(t, "?plan="+id.String())
	p.until(`document.querySelector(".matrix canvas")?.height > 10`)
	p.run(chromedp.Evaluate(`window.said = []; new MutationObserver(() => said.push([performance.now(), document.querySelector("#live").innerText]))
		.observe(document.querySelector("#live"), { childList: true, characterData: true, subtree: true });
		window.press = setInterval(() => document.querySelector("canvas").dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight" })), 100)`, nil))
	p.until(`said.length >= 3`)
	p.run(chromedp.Evaluate(`clearInterval(press)`, nil))
	p.until(`said.slice(1).every(([at], i) => at - said[i][0] > 4900)`)
	p.until(`said[2][1].includes("Pending")`)
	p.run(chromedp.Navigate(h.url + "?new="))
	p.sees("Preview")
	p.until(`[...document.querySelectorAll("[aria-live], [role=alert], [role=status]")].map(el => el.id || el.className).join() === "banner,answer,notice,live"`)
	p.quiet(noPreview)
}

// The focus goes to the heading of a page that one goes to, and stays where it is when a page is
// shown again in other words.
func TestFocus(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.create(t, strategy.Strategy{}, "ada")
	p := h.open(t, "")
	p.run(chromedp.WaitVisible(".plan-row", chromedp.ByQuery), chromedp.Focus(".plan-row", chromedp.ByQuery), chromedp.KeyEvent(kb.Enter))
	p.sees("Not started")
	p.until(`document.activeElement.tagName === "H1" && document.activeElement.innerText === "night shift"`)
	p.run(chromedp.NavigateBack())
	p.until(`document.activeElement.tagName === "H1" && document.activeElement.innerText === "Plans"`)
	p.run(chromedp.NavigateForward())
	p.until(`document.activeElement.tagName === "H1" && document.activeElement.innerText === "night shift"`)
	p.press("Settings")
	p.run(chromedp.Evaluate(`document.querySelector(".crumbs").old = true; document.querySelector("[data-key=utc]").click()`, nil))
	p.until(`!document.querySelector(".crumbs").old && document.querySelector("h1") !== null`)
	p.until(`document.activeElement.dataset.key === "settings"`)
	p.quiet()
}

// Every page is accessible, in light and dark colours, on a desktop and on a phone.
func TestAccessible(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{MaxConcurrency: strategy.Count(3), MaxFailures: strategy.Count(9), Waves: []strategy.Wave{
		{Name: "first", Size: strategy.Count(6)}, {Name: "rest", Approval: true},
	}}, append([]string{"broken-1", "broken-2", "ada", "bob", "cleo", "dora"}, names("tenant-", 200)...)...)
	h.create(t, strategy.Strategy{}, "ada")
	h.give(t, h.engine.Start, id)
	h.set(func() { h.answers = fleet() })
	h.subscribe(t)
	h.failSince(t, time.Now(), id)
	p := h.open(t, "?plan="+id.String())
	p.sees("Wave 2 rest waits for an approval.")
	pages := []struct{ name, query, sees string }{
		{"plans", "", "night shift"},
		{"plan", "?plan=" + id.String() + "&state=FAILED", "broken-2"},
		{"task", fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+1), "GATEWAY_TIMEOUT"},
		{"failed tenant's undo", fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+3), "Undo log"},
		{"tenants", "?tenant=a/../b%26c", "Searched down"},
		{"workers", "?workers=", "node-1/3f9c"},
		{"worker", "?worker=node-1/3f9c", "acme"},
		{"notifiers", "?notifiers=", "410"},
		{"new", "?new=", "Preview"},
	}
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{1366, 360} {
			p.resize(width, 800, scheme)
			for _, page := range pages {
				p.run(chromedp.Navigate(h.url + page.query))
				p.sees(page.sees)
				p.until(`document.querySelector("h1") !== null`)
				p.accessible(fmt.Sprintf("%s, %d, %s", page.name, width, scheme))
			}
			p.write("tenants", "x,y,x,")
			p.sees("tenantIds[2]")
			p.accessible(fmt.Sprintf("new with a fault, %d, %s", width, scheme))
			p.run(chromedp.Navigate(h.url + "?plan=" + id.String()))
			p.press("Roll back")
			p.press("Roll back")
			p.sees("is needed")
			p.accessible(fmt.Sprintf("dialog, %d, %s", width, scheme))
		}
	}
	p.quiet(noPreview)
}
