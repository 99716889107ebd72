package console_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover/plan/strategy"
)

// inTwos is a strategy with waves of two tenants.
func inTwos() strategy.Strategy {
	return strategy.Strategy{MaxConcurrency: strategy.Count(4), WaveSizes: []strategy.Amount{strategy.Count(2)}}
}

// undo presses the button of a wave, and gives the command in its dialog.
func (p *page) undo(wave int, about string) {
	p.t.Helper()
	p.until(fmt.Sprintf(`document.querySelector("[data-key=rollback-%d]") !== null`, wave))
	p.run(chromedp.Click(fmt.Sprintf("[data-key=rollback-%d]", wave), chromedp.ByQuery))
	p.sees(about)
	p.press("Wrong version")
	p.press("Roll back")
}

// A wave that has passed is undone beside the open one, and then the open one while the plan is
// paused. The row of a wave shows how far its undo is; the page of a task why it stops.
func TestUndoOfAWave(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, inTwos(), "keep-1", "ada", "held-1", "cleo", "dora")
	h.give(t, h.engine.Start, id)
	p, reader := h.open(t, "?plan="+id.String()), h.open(t, "?plan="+id.String(), chromedp.UserAgent(reader))
	p.sees("Running. Nothing to do.")
	p.undo(1, "Tenants to undo: 2.")
	p.sees("Wave 1 is being undone.")
	p.until(`document.querySelector(".w-undoing .figures").innerText === "1 / 2"`)
	p.until(`document.querySelector("[data-key=rollback-1], [data-key=rollback-2]") === null`) // one is open, the other under way
	reader.sees("Wave 1 is being undone.")
	close(h.kept)
	p.sees("undone: 2 / 2")
	p.sees("Running. Nothing to do.")
	p.until(`document.querySelector("[data-key=rollback-1]") === null`) // nothing is left to undo

	h.give(t, h.engine.Pause, id)
	p.sees("Paused by hand.")
	p.undo(2, "Tenants to undo: 2.")
	p.run(chromedp.Navigate(fmt.Sprintf("%s?plan=%d&task=%d", h.url, id, 1000000*int64(id)+3)))
	p.sees("Wave 2 is being undone: it stops at its next save, and is undone, too.")
	close(h.gate)
	p.sees("Rolled back")
	reader.until(`document.querySelectorAll(".wave .tag").length === 2`)
	reader.until(`document.querySelector(".wave button") === null`)
	h.give(t, h.engine.Resume, id)
	reader.sees("Completed. Nothing to do.")
	p.quiet()
	reader.quiet()
}

// An undo that fails is the next thing to look at, and can be given again.
func TestFailedUndoOfAWave(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, inTwos(), "ada", "sour-1", "bob")
	h.give(t, h.engine.Start, id)
	p := h.open(t, "?plan="+id.String())
	p.sees("Completed. Nothing to do.")
	p.undo(1, "Tenants to undo: 2.")
	p.sees("Failed undos: 1. See the causes, then roll back again or skip.")
	p.sees("undone: 1 / 2")
	p.undo(1, "Tenants to undo: 1.")
	p.quiet()
}

// A tuning keeps a failure action that undoes the wave.
func TestTuneOfAPlanThatUndoesWaves(t *testing.T) {
	t.Parallel()
	h := start(t)
	s := inTwos()
	s.FailureAction = strategy.RollbackWave
	id := h.create(t, s, "ada", "bob", "held-1")
	p := h.open(t, "?plan="+id.String())
	p.press("Tune")
	p.until(`document.querySelector("[name=failureAction]").selectedOptions[0].innerText === "roll the wave back"`)
	p.write("maxConcurrency", "0")
	p.press("Too slow")
	p.press("Tune")
	p.sees("Done: Tune.")
	got, err := h.engine.Plan(context.Background(), id)
	if err != nil || got.Rules().FailureAction != strategy.RollbackWave || got.Rules().MaxConcurrency != strategy.Count(40) {
		t.Errorf("%+v %v", got.Rules(), err)
	}
	p.quiet()
}
