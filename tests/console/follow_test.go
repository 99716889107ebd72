package console_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// keptEvents is less than what the pages look back.
const keptEvents = 20

// trimmed starts a host with a paused plan whose log is trimmed.
func trimmed(t *testing.T) (*host, plan.ID) {
	t.Helper()
	h := startOn(t, memstore.Config{MaxEvents: keptEvents})
	id := h.create(t, strategy.Strategy{MaxConcurrency: strategy.Count(10)}, append(names("ada-", 200), "held-1")...)
	h.give(t, h.engine.Start, id)
	h.await(t, func() bool {
		p, err := h.engine.Plan(context.Background(), id)
		return err == nil && p.Counters.Of(task.Completed) == 200 && p.Counters.Of(task.Running) == 1
	})
	return h, id
}

// give gives a command on a plan.
func (h *host) give(t *testing.T, command func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error), id plan.ID, opts ...cutover.CommandOption) {
	t.Helper()
	if _, err := command(context.Background(), id, opts...); err != nil {
		t.Fatal(err)
	}
}

// remove removes a plan that is over.
func (h *host) remove(t *testing.T, id plan.ID) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = h.store.Remove(context.Background(), id); err != nil {
			t.Fatal(err)
		}
	}
}

// await waits until a condition is true.
func (h *host) await(t *testing.T, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(end) {
			t.Fatal("waited too long")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A page whose position is trimmed begins anew once, whoever says so first, and follows once.
func TestTrimmedPositionOfAPlan(t *testing.T) {
	t.Parallel()
	h, id := trimmed(t)
	_, releaseStream := h.hold("/stream")
	_, releasePoll := h.hold("/events")
	p := h.open(t, "?plan="+id.String())
	h.await(t, func() bool { return h.asked("/events?") > 0 })
	h.await(t, func() bool { return h.asked("/stream?") > 0 })
	releaseStream()
	h.await(t, func() bool { return h.asked("/stream?") > 0 }) // the stream has said it
	releasePoll()                                              // and now the poll says it
	p.until(`performance.getEntriesByType("resource").some(e => e.name.includes("/events?"))`)
	p.press("Pause")
	p.press("Pause")
	p.sees("Paused by hand.")
	p.press("All events")
	p.until(`document.querySelectorAll(".log .row").length > 0`)
	h.await(t, func() (is bool) { h.set(func() { is = h.streams == 1 }); return is })
	if n := h.asked("/stream?"); n > 0 {
		t.Errorf("%d more streams were opened", n)
	}
	p.quiet("410")
}

// A stream that is silent for 25 s is stale: the page polls until one says something again. An open
// one that says nothing is no better.
func TestSilentStream(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1")
	h.give(t, h.engine.Start, id)
	p := h.open(t, "?plan="+id.String())
	p.live()
	h.set(func() { h.muted = true })
	h.asked("/stream?")
	h.give(t, h.engine.Pause, id, cutover.Because("seen although the stream is silent"))
	p.sees("seen although the stream is silent")
	p.until(`document.querySelector("#mode").innerText === "every 2 s"`)
	h.await(t, func() bool { return h.asked("/stream?") > 0 })
	h.streaming(t, 1)
	polls := 0
	h.await(t, func() bool { polls += h.asked("/plans/" + id.String() + " "); return polls > 2 })
	if mode := p.text("#mode"); mode != "every 2 s" {
		t.Errorf("a stream that says nothing makes the page %q", mode)
	}
	h.set(func() { h.muted = false })
	p.live()
	p.quiet("ERR_")
}

// A plan that is removed takes its page with it, whether a stream or a poll says so.
func TestRemovedPlan(t *testing.T) {
	t.Parallel()
	for _, noStream := range []bool{false, true} {
		t.Run(fmt.Sprintf("noStream=%t", noStream), func(t *testing.T) {
			h := start(t)
			id := h.create(t, strategy.Strategy{}, "ada")
			h.give(t, h.engine.Cancel, id)
			h.set(func() { h.noStream = noStream })
			p := h.open(t, "?plan="+id.String())
			p.sees("Cancelled. Nothing runs any more.")
			p.until(`document.querySelector("#mode").innerText !== ""`)
			h.remove(t, id)
			p.sees("There is no such thing, or you may not see it.")
			p.until(`document.querySelector("#main").innerText.includes("night shift") === false && document.querySelector("#mode").innerText === ""`)
			p.quiet("404", "503", "stream?")
		})
	}
}

// Without a stream the list under a filter loses what is in another state, and what is removed.
func TestPolledListLosesPlans(t *testing.T) {
	t.Parallel()
	h := start(t)
	var ids []plan.ID
	for range 3 {
		ids = append(ids, h.create(t, strategy.Strategy{}, "held-1"))
	}
	h.set(func() { h.noStream = true })
	p := h.open(t, "?state=CREATED&state=CANCELLED")
	p.until(`document.querySelectorAll(".plan-row").length === 3`)
	h.give(t, h.engine.Start, ids[2])
	p.until(`document.querySelectorAll(".plan-row").length === 2`)
	h.give(t, h.engine.Cancel, ids[0])
	p.until(`document.querySelector(".plans").innerText.includes("Cancelled")`)
	h.remove(t, ids[0])
	p.until(fmt.Sprintf(`document.querySelectorAll(".plan-row").length === 1 && document.querySelector(".plan-row").href.endsWith("=%d")`, ids[1]))
	close(h.gate)
	p.quiet("503", "stream?")
}

// The page of a task whose position is trimmed follows from the present on.
func TestTrimmedPositionOfATask(t *testing.T) {
	t.Parallel()
	h, id := trimmed(t)
	h.set(func() { h.noStream = true })
	p := h.open(t, fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+201))
	p.sees("Nothing among the last")
	asked := 0
	h.await(t, func() bool { asked += h.asked("/plans/" + id.String() + " "); return asked >= 4 }) // it has begun, and begun anew, and follows
	if _, err := h.engine.PauseTask(context.Background(), task.ID(1000000*int64(id)+201), cutover.By("grace"), cutover.Because("seen after all")); err != nil {
		t.Fatal(err)
	}
	close(h.gate)
	p.until(`document.querySelector(".history")?.innerText.includes("seen after all")`)
	p.quiet("410", "503", "stream?")
}

// An answer about a task that comes after a newer one is not shown.
func TestLateAnswerAboutATask(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	h.give(t, h.engine.Start, id)
	first := fmt.Sprint(1000000*int64(id) + 1)
	p := h.open(t, fmt.Sprintf("?plan=%d&task=%s", id, first))
	p.until(`document.querySelector(".title .badge")?.innerText === "Running"`)
	h.asked("")
	pass, release := h.hold("/tasks/" + first)
	h.await(t, func() bool { return h.asked("/tasks/"+first) > 0 }) // the page asks every 5 s
	pass()
	close(h.gate)
	p.until(`document.querySelector(".title .badge").innerText === "Completed"`)
	p.run(chromedp.Evaluate(`window.was = []; new MutationObserver(() => was.push(document.querySelector(".title .badge")?.innerText))
		.observe(document.querySelector("#main"), {subtree: true, childList: true})`, nil))
	p.run(chromedp.Evaluate(`window.answers = performance.getEntriesByType("resource").length`, nil))
	release()
	p.until(`performance.getEntriesByType("resource").length > answers`)
	p.run(chromedp.Evaluate(`new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))`, nil))
	p.until(`!was.includes("Running")`)
	p.quiet()
}

// After its store was restored a plan is shown as the store has it, with a stream and without one.
func TestRestoredStore(t *testing.T) {
	t.Parallel()
	for _, noStream := range []bool{false, true} {
		t.Run(fmt.Sprintf("noStream=%t", noStream), func(t *testing.T) {
			h, restored := start(t), start(t)
			id := h.create(t, strategy.Strategy{}, "held-1")
			restored.create(t, strategy.Strategy{}, "held-1")
			h.give(t, h.engine.Start, id)
			h.give(t, h.engine.Pause, id)
			h.set(func() { h.noStream = noStream })
			p := h.open(t, "?plan="+id.String())
			p.sees("Paused by hand.")
			p.until(`document.querySelector("#mode").innerText === "` + map[bool]string{true: "every 2 s", false: "live"}[noStream] + `"`)
			h.set(func() { h.restored = restored })
			h.server.CloseClientConnections()
			p.sees("Not started.")
			p.press("Start")
			p.press("Start")
			p.sees("Running. Nothing to do.")
			p.quiet("409", "503", "stream", "ERR_")
		})
	}
}

// A command is for the plan as the one before it has left it, whatever was read of it meanwhile.
func TestCommandsInARow(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "ada")
	h.set(func() { h.muted = true })
	p := h.open(t, "?plan="+id.String())
	p.sees("Not started. Tenants: 1.")
	path := "plans/" + id.String()
	before := h.read(t, path)
	h.set(func() { h.answers = map[string]string{path: before} })
	for i, tenant := range []string{"bob", "cleo"} {
		p.press("Add tenants")
		p.write("tenants", tenant)
		p.press("Add tenants")
		h.counted(t, id, task.Pending, i+2)
		p.until(`!document.querySelector("dialog")`)
	}
	p.sees("Not started. Tenants: 3.")
	p.quiet()
}

// read returns what the server answers to a question now.
func (h *host) read(t *testing.T, path string) string {
	t.Helper()
	answer, err := h.server.Client().Get(h.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
