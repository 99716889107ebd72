package console_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// requireEnv makes a missing browser a failure.
const requireEnv = "CUTOVER_REQUIRE_CHROMIUM"

// page is a tab of a browser, with what its console has complained about.
type page struct {
	t   *testing.T
	ctx context.Context
	// close closes a page that is not the first of its browser.
	close func()

	mu         sync.Mutex
	complaints []string
}

// open opens a page of the host in a browser of its own.
func (h *host) open(t *testing.T, query string, options ...chromedp.ExecAllocatorOption) *page {
	t.Helper()
	return h.openFor(t, 3*time.Minute, query, options...)
}

// openFor opens a page that is used for longer than others.
func (h *host) openFor(t *testing.T, length time.Duration, query string, options ...chromedp.ExecAllocatorOption) *page {
	t.Helper()
	binary, err := exec.LookPath("chromium")
	switch required := os.Getenv(requireEnv) != ""; {
	case err != nil && required:
		t.Fatal("chromium is not on PATH")
	case err != nil:
		t.Skip("chromium is not on PATH")
	case testing.Short() && !required:
		t.Skip("a browser takes long")
	}
	all := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(binary), chromedp.NoSandbox,
		chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1366, 900))
	ctx, cancel := context.WithTimeout(context.Background(), length)
	t.Cleanup(cancel)
	ctx, cancelBrowser := chromedp.NewExecAllocator(ctx, append(all, options...)...)
	t.Cleanup(cancelBrowser)
	ctx, cancelTab := chromedp.NewContext(ctx, chromedp.WithErrorf(func(string, ...any) {})) // of events that it does not know
	t.Cleanup(cancelTab)
	p := &page{t: t, ctx: ctx}
	chromedp.ListenTarget(ctx, p.collect)
	p.run(chromedp.Navigate(h.url + query))
	return p
}

// another opens a second page in the browser of p, in a window of its own, so that both are seen.
func (p *page) another(url string) *page {
	p.t.Helper()
	var id target.ID
	p.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		c := chromedp.FromContext(ctx)
		id, err = target.CreateTarget("about:blank").WithNewWindow(true).Do(cdp.WithExecutor(ctx, c.Browser))
		return err
	}))
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(id))
	p.t.Cleanup(cancel)
	other := &page{t: p.t, ctx: ctx, close: cancel}
	chromedp.ListenTarget(ctx, other.collect)
	other.run(chromedp.Navigate(url))
	return other
}

// collect notes errors of scripts, of the console, and of the content security policy.
func (p *page) collect(event any) {
	complaint := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		complaint = e.ExceptionDetails.Error()
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			complaint = fmt.Sprint("console: ", e.Args)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Source == log.SourceSecurity {
			complaint = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if complaint == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, complaint)
}

// quiet fails the test if the browser has complained about anything but what the test expects.
func (p *page) quiet(expected ...string) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
next:
	for _, c := range p.complaints {
		for _, e := range expected {
			if strings.Contains(c, e) {
				continue next
			}
		}
		p.t.Errorf("the browser complains: %s", c)
	}
}

// run carries out actions.
func (p *page) run(actions ...chromedp.Action) {
	p.t.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.t.Fatalf("%v\n%s", err, p.text("body"))
	}
}

// sees waits until the page shows a text.
func (p *page) sees(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

// until waits until a condition in the page is true.
func (p *page) until(condition string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 40*time.Second)
	defer cancel()
	var is bool
	if err := chromedp.Run(ctx, chromedp.Poll(condition, &is, chromedp.WithPollingInterval(50*time.Millisecond))); err != nil {
		p.t.Fatalf("%s: %v\n%s", condition, err, p.text("body"))
	}
}

// text returns the visible text of the page.
func (p *page) text(selector string) (text string) {
	p.t.Helper()
	_ = chromedp.Run(p.ctx, chromedp.Evaluate(fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector), &text))
	return text
}

// press presses the button or link with a text, as soon as it is there and can be pressed.
func (p *page) press(text string) {
	p.t.Helper()
	const find = `(() => { const e = [...document.querySelectorAll("dialog[open] button, dialog[open] a")].concat(
		document.querySelector("dialog[open]") ? [] : [...document.querySelectorAll("button, a, summary")])
		.find(e => e.innerText.trim() === %q && !e.disabled && e.offsetParent !== null); if (!e) return false; e.click(); return true })()`
	p.until(fmt.Sprintf(find, text))
}

// write writes into a field.
func (p *page) write(name, text string) {
	p.t.Helper()
	selector := fmt.Sprintf("[name=%q]", name)
	p.run(chromedp.WaitVisible(selector, chromedp.ByQuery), chromedp.Focus(selector, chromedp.ByQuery), chromedp.SendKeys(selector, text, chromedp.ByQuery))
}

// resize makes the page as large as a device, in light or dark colours.
func (p *page) resize(width, height int64, scheme string) {
	p.t.Helper()
	p.run(emulation.SetDeviceMetricsOverride(width, height, 1, width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}))
}

// picture writes a picture of the page if the environment names a folder for it.
func (p *page) picture(name string) {
	p.t.Helper()
	folder := os.Getenv("CUTOVER_PICTURES")
	if folder == "" {
		return
	}
	var png []byte
	p.run(chromedp.Sleep(300*time.Millisecond), chromedp.CaptureScreenshot(&png))
	if err := os.WriteFile(folder+"/"+name+".png", png, 0o600); err != nil {
		p.t.Fatal(err)
	}
}
