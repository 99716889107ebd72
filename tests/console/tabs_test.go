package console_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan/strategy"
)

// live waits until a page follows a stream.
func (p *page) live() {
	p.t.Helper()
	p.until(`document.querySelector("#mode")?.innerText.includes("live")`)
}

// streaming waits until n streams are open.
func (h *host) streaming(t *testing.T, n int) {
	t.Helper()
	h.await(t, func() (is bool) { h.set(func() { is = h.streams == n }); return is })
}

// hide makes a page believe that it is hidden, or seen again.
func (p *page) hide(hidden bool) {
	p.t.Helper()
	p.run(chromedp.Evaluate(fmt.Sprintf(`Object.defineProperty(document, "hidden", { configurable: true, get: () => %t });
		document.dispatchEvent(new Event("visibilitychange"))`, hidden), nil))
}

// The tabs of a browser share one stream, with all plans that they show. When the one that reads it
// is closed or hidden another one goes on, and nothing is missed.
func TestTabsShareAStream(t *testing.T) {
	t.Parallel()
	h := start(t)
	one, two := h.create(t, strategy.Strategy{}, "held-1", "ada"), h.create(t, strategy.Strategy{}, "held-2", "bob")
	list := h.open(t, "")
	first := list.another(h.url + "?plan=" + one.String())
	second := list.another(h.url + "?plan=" + two.String())
	third := list.another(h.url + "?plan=" + one.String())
	for _, p := range []*page{list, first, second, third} {
		p.live()
	}
	h.streaming(t, 1)
	h.give(t, h.engine.Start, one)
	for _, p := range []*page{first, third} {
		p.sees("Running. Nothing to do.")
	}
	list.sees("Running")
	h.asked("")
	list.hide(true) // it was the first, and reads the stream
	h.await(t, func() bool { return h.asked("/stream?") > 0 })
	h.give(t, h.engine.Start, two)
	second.sees("Running. Nothing to do.")
	first.close()
	second.live()
	third.live()
	h.give(t, h.engine.Pause, one, cutover.Because("the reader is closed"))
	third.sees("the reader is closed")
	h.streaming(t, 1)
	list.hide(false)
	list.sees("Paused")
	list.live()
	h.streaming(t, 1)
	close(h.gate)
	for _, p := range []*page{list, second, third} {
		p.quiet("ERR_")
	}
}

// With more tabs than a browser has connections to a server a command still gets through.
func TestManyTabs(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1")
	p := h.open(t, "?plan="+id.String())
	for range 7 {
		p.another(h.url + "?plan=" + id.String()).live()
	}
	p.press("Start")
	p.press("Start")
	p.sees("Running. Nothing to do.")
	h.streaming(t, 1)
	close(h.gate)
	p.quiet("ERR_")
}

// On a host name without TLS there are no locks: a tab that is seen has a stream of its own, and a
// hidden one has none.
func TestTabWithoutLocks(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1")
	h.url = strings.Replace(h.url, "127.0.0.1", "ops.test", 1)
	p := h.open(t, "?plan="+id.String(), chromedp.Flag("host-resolver-rules", "MAP ops.test 127.0.0.1"))
	p.until(`!isSecureContext && !navigator.locks`)
	p.live()
	h.streaming(t, 1)
	p.press("Start")
	p.press("Start")
	p.sees("Running. Nothing to do.")
	p.hide(true)
	h.streaming(t, 0)
	h.give(t, h.engine.Pause, id)
	p.hide(false)
	p.sees("Paused by hand.")
	p.live()
	h.streaming(t, 1)
	close(h.gate)
	p.quiet()
}
