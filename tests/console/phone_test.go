package console_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// wavesOfFive are enough waves to fill the screen of a phone.
var wavesOfFive = strategy.Strategy{
	MaxConcurrency: strategy.Count(4), MaxFailures: strategy.Count(30), WaveSizes: []strategy.Amount{strategy.Count(20)},
}

// Whoever follows the link of a notification on a phone sees what failed and why without scrolling,
// and has paused the plan after two taps.
func TestFailureOnAPhone(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, wavesOfFive, append(append(names("broken-", 5), names("held-", 4)...), names("tenant-", 91)...)...)
	h.give(t, h.engine.Start, id)
	h.counted(t, id, task.Failed, 5)
	p := h.open(t, "")
	p.resize(360, 800, "light")
	p.run(chromedp.Navigate(h.url + "?plan=" + id.String()))
	p.until(`document.querySelector(".failure a")?.getBoundingClientRect().bottom < innerHeight`)
	p.sees("the gateway did not answer within 10s")
	p.press("Pause")
	p.press("Pause")
	p.sees("Paused by hand.")
	p.quiet()
}

// A table on a phone has its words at a distance from what they name, and written as a heading is.
func TestTableOnAPhone(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "broken-1")
	h.give(t, h.engine.Start, id)
	h.counted(t, id, task.Failed, 1)
	p := h.open(t, "")
	p.resize(360, 800, "light")
	p.run(chromedp.Navigate(fmt.Sprintf("%s?plan=%d&task=%d", h.url, id, task.NewID(id, 1))))
	p.until(`[...document.querySelectorAll("td")].map(td => td.dataset.label).join() === "Number,Started,Ended,Failure,Worker"`)
	p.until(`[...document.querySelectorAll("td")].every(td => parseFloat(getComputedStyle(td).columnGap) >= 8)`)
	p.quiet()
}

// What a wave tolerates is known when the plan is started, and not said before.
func TestToleranceBeforeTheStart(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, wavesOfFive, names("tenant-", 100)...)
	p := h.open(t, "?plan="+id.String())
	p.until(`document.querySelectorAll(".wave").length === 5 && !document.querySelector(".wave-list").innerText.includes("tolerated")`)
	h.give(t, h.engine.Start, id)
	p.sees("failed: 0 of 20 tolerated")
	p.quiet()
}
