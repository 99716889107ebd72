package console_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// counted waits until n tasks of a plan are in a state.
func (h *host) counted(t *testing.T, id plan.ID, s task.State, n int) {
	t.Helper()
	h.await(t, func() bool {
		p, err := h.engine.Plan(context.Background(), id)
		return err == nil && p.Counters.Of(s) == n
	})
}

// Tenants are added and excluded; a tenant that is there already, or is not, is named at its field.
// More than a hundred have to be confirmed by their number.
func TestTenantsAreAddedAndExcluded(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "held-1", "ada")
	p := h.open(t, "?plan="+id.String())
	p.press("Add tenants")
	p.press("Add tenants")
	p.sees("is needed")
	p.write("tenants", "ada\nbob")
	p.press("Add tenants")
	p.until(`document.querySelector("[data-fault=tenantIds]").innerText.includes("ada")`)
	p.run(chromedp.Evaluate(`document.querySelector("dialog [name=tenants]").value = ""`, nil))
	p.write("tenants", strings.Join(names("tenant-", 101), ","))
	p.sees("Type the number of tenants, 101, to confirm")
	p.accessible("dialog of tenants")
	p.press("Add tenants")
	p.sees("is not 101")
	p.write("count", "101")
	p.press("Add tenants")
	p.sees("Done: Add tenants.")
	h.counted(t, id, task.Pending, 103)

	p.press("Exclude tenants")
	p.write("tenants", "tenant-0001, nobody")
	p.press("Later")
	p.press("Exclude tenants")
	p.until(`document.querySelector("[data-fault=tenantIds]").innerText.includes("nobody")`)
	p.run(chromedp.Evaluate(`document.querySelector("dialog [name=tenants]").value = ""`, nil))
	p.write("tenants", "tenant-0001, ada")
	p.press("Exclude tenants")
	p.sees("being changed: 2")
	h.counted(t, id, task.Skipped, 2)
	close(h.gate)
	p.quiet("400")
}

// A plan that is over is deleted once its number is typed; then the list is shown.
func TestDelete(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "ada")
	p := h.open(t, "?plan="+id.String())
	p.sees("Not started.")
	p.run(chromedp.Evaluate(`const wait = setTimeout; window.setTimeout = (act, ms) => wait(act, ms === 60000 ? 500 : ms)`, nil)) // a minute is long
	h.give(t, h.engine.Cancel, id)
	p.sees("Cancelled. Nothing runs any more.")
	p.until(`document.querySelector("[data-key=action-delete]") === null`)
	h.set(func() { h.older = plan.KeptAtLeast })
	p.press("Delete")
	p.press("Not needed any more")
	p.press("Delete")
	p.sees("is not 1")
	p.write("count", id.String())
	p.press("Delete")
	p.sees("Done: Delete.")
	p.sees("No plans yet.")
	if _, err := h.engine.Plan(context.Background(), id); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("the plan is there: %v", err)
	}
	p.quiet("404")
}

// Tenants come from a file: the preview counts them, a fault names its line, and the plan has their
// labels.
func TestUpload(t *testing.T) {
	t.Parallel()
	h := start(t)
	folder := t.TempDir()
	list := func(name, text string) string {
		if err := os.WriteFile(folder+"/"+name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return folder + "/" + name
	}
	p := h.open(t, "?new=")
	p.write("name", "from a file")
	p.write("executorType", "MOVE")
	p.write("tenants", "not this one")
	p.run(chromedp.SetUploadFiles("[name=file]", []string{list("bad.csv", "id,labels.region\nada,eu\nbob,us\nada,eu\n")}, chromedp.ByQuery))
	p.until(`document.querySelector("[data-fault=tenantIds]").innerText.startsWith("line 4: ")`)
	p.until(`document.querySelector("[name=tenants]").disabled`)
	p.accessible("a file with a fault")
	p.run(chromedp.SetUploadFiles("[name=file]", []string{list("good.csv", "id,labels.region\nada,eu\nbob,us\n")}, chromedp.ByQuery))
	p.sees("Worst case")
	p.press("Create plan")
	p.sees("Not started. Tenants: 2.")
	got, err := h.engine.Task(context.Background(), task.NewID(1, 2))
	if err != nil || got.Tenant.ID != "bob" || got.Tenant.Labels["region"] != "us" {
		t.Errorf("%+v %v", got.Tenant, err)
	}
	p.quiet(noPreview)
}

// A note is kept in the log, and has no effect.
func TestNote(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "ada")
	p := h.open(t, "?plan="+id.String())
	p.press("Note")
	p.press("Note")
	p.sees("is needed")
	p.write("reason", "grace goes on at six")
	p.press("Note")
	p.sees("Done: Note. Now: Created.")
	p.until(`document.querySelector(".log").innerText.includes("“grace goes on at six”")`)
	p.quiet()
}

// A task is retried alone while its plan stays stopped.
func TestRetryAlone(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "broken-1", "ada")
	h.give(t, h.engine.Start, id)
	p := h.open(t, fmt.Sprintf("?plan=%d&task=%d", id, 1000000*int64(id)+1))
	p.sees("Failed with GATEWAY_TIMEOUT.")
	h.set(func() { h.broken = false })
	p.press("Retry")
	p.run(chromedp.Click("[name=alone]", chromedp.ByQuery))
	p.press("Retry")
	h.counted(t, id, task.Completed, 1)
	got, err := h.engine.Plan(context.Background(), id)
	if err != nil || got.State != plan.Failed || got.Counters.Of(task.Pending) != 1 {
		t.Errorf("the plan is %v, %v, %v", got.State, got.Counters, err)
	}
	p.sees("Nothing more is to be done.")
	p.quiet()
}

// What a plan is annotated with is text; only an address on the web is a link.
func TestAnnotations(t *testing.T) {
	t.Parallel()
	h := start(t)
	made, err := h.engine.Create(context.Background(), plan.Spec{
		Name: "noted", ExecutorType: "MOVE", Tenants: plan.Tenants("ada"), Annotations: map[string]string{
			"owner": "grace <b>", "ticket": "https://tickets.example/7?a=b", "trick": "javascript:alert(1)", "other": "see https://x.example", "data": "data:text/html,x",
		},
	}, cutover.By("grace"))
	if err != nil {
		t.Fatal(err)
	}
	p := h.open(t, "?plan="+made.ID.String())
	p.sees("grace <b>")
	p.sees("javascript:alert(1)")
	p.until(`[...document.querySelectorAll("main a")].filter(a => a.origin !== location.origin).map(a => a.href + a.rel).join() === "https://tickets.example/7?a=bnoopener noreferrer"`)
	p.sees("· grace") // who has created it
	p.accessible("annotations")
	p.quiet()
}
