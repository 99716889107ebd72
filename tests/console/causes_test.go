package console_test

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// failing starts a plan all of whose tenants fail with NO_ROUTE, those named early-... in no step.
func (h *host) failing(t *testing.T, tenants ...string) plan.ID {
	t.Helper()
	all := strategy.Count(len(tenants))
	p, err := h.engine.Create(context.Background(), plan.Spec{
		Name: "no way", ExecutorType: "FAIL", Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(50), MaxFailures: all},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.give(t, h.engine.Start, p.ID)
	h.await(t, func() bool {
		p, err := h.engine.Plan(context.Background(), p.ID)
		return err == nil && p.Counters.Of(task.Failed) == len(tenants)
	})
	return p.ID
}

// A filter cannot ask for failures in no step: with the others of their code they are one cause,
// and the command says how many it hits.
func TestCausesThatCannotBeToldApart(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.failing(t, "early-1", "late-1", "late-2", "early-2", "late-3")
	p := h.open(t, "?plan="+id.String())
	p.until(`document.querySelector(".failure")?.innerText.includes("late-1")`)
	p.until(`document.querySelectorAll(".failure").length === 1`)
	p.run(chromedp.Click(".failure button", chromedp.ByQuery))
	p.sees("Retry: 5 tenants")
	p.press("Retry")
	p.sees("being changed: 5")
	p.quiet()
}

// What a command on a cause hits is counted by the server: a page does not read all failures.
func TestCauseIsCountedByTheServer(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.failing(t, append(names("late-", 10_100), "early-1")...)
	p := h.open(t, "?plan="+id.String())
	p.sees("Of the first 10,000 failed tenants.")
	p.run(chromedp.Click(".failure button", chromedp.ByQuery))
	p.sees("Retry: 10,100 tenants")
	p.write("count", "5000")
	p.press("Retry")
	p.sees("is not 10,100")
	p.quiet()
}

// A dialog is for the version in which its tenants were counted.
func TestCauseIsForTheVersionThatWasCounted(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.failing(t, "late-1", "late-2")
	p := h.open(t, "?plan="+id.String())
	p.run(chromedp.Click(".failure button", chromedp.ByQuery))
	p.sees("Retry: 2 tenants")
	if _, err := h.engine.SkipTask(context.Background(), task.ID(1000000*int64(id)+1)); err != nil {
		t.Fatal(err)
	}
	p.press("Retry")
	p.sees("The plan has changed; nothing was done.")
	p.quiet("412")
}
