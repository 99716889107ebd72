package console_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// paste puts a text into a field, as pasting does.
func (p *page) paste(name, text string) {
	p.t.Helper()
	quoted, _ := json.Marshal(text)
	p.run(chromedp.WaitVisible("[name="+name+"]", chromedp.ByQuery), chromedp.Evaluate(fmt.Sprintf(`(() => {
		const el = document.querySelector("dialog [name=%[1]s]") ?? document.querySelector("[name=%[1]s]");
		el.value = %[2]s;
		el.dispatchEvent(new Event("input", { bubbles: true }));
	})()`, name, quoted), nil))
}

// tenant returns the tenant of a task.
func (h *host) tenant(t *testing.T, id plan.ID, ordinal int) task.Tenant {
	t.Helper()
	got, err := h.engine.Task(context.Background(), task.NewID(id, ordinal))
	if err != nil {
		t.Fatal(err)
	}
	return got.Tenant
}

// The field for tenants takes what people have: ids, JSON arrays, and columns of a table.
func TestPastedTenants(t *testing.T) {
	t.Parallel()
	h := start(t)
	p := h.open(t, "")
	for i, tt := range []struct{ text, region string }{
		{"# from the inventory\nada, bob;\r\n\tcleo\n", ""},
		{`["ada", "bob",` + "\n" + `"cleo"]`, ""},
		{`[{"id":"ada"},{"id":"bob","labels":{"region":"us"}},{"id":"cleo"}]`, "us"},
		{"id\tlabels.region\nada\teu\nbob\tus\ncleo\t\n", "us"},
		{"# from the inventory\nlabels.region;tenantId\n;ada\nus;bob\n;cleo\n", "us"},
		{`{"id":"ada"}` + "\n" + `{"id":"bob","labels":{"region":"us"}}` + "\n" + `{"id":"cleo"}`, "us"},
		{`"ada"` + "\n" + `"bob"` + "\n" + `"cleo"`, ""},
	} {
		p.run(chromedp.Navigate(h.url + "?new="))
		p.paste("name", "pasted")
		p.paste("executorType", "MOVE")
		p.paste("tenants", tt.text)
		p.sees("3 tenants")
		p.sees("Worst case")
		p.press("Create plan")
		p.sees("Not started. Tenants: 3.")
		id := plan.ID(i + 1)
		if got := h.tenant(t, id, 2); got.ID != "bob" || got.Labels["region"] != tt.region || h.tenant(t, id, 3).ID != "cleo" {
			t.Errorf("%q: %+v", tt.text, got)
		}
	}
	p.quiet(noPreview)
}

// A table that is pasted has its faults at their lines, and can be added to a plan; what is no list
// is refused.
func TestPastedTenantsWithFaults(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "ada")
	p := h.open(t, "?new=")
	p.paste("name", "pasted")
	p.paste("executorType", "MOVE")
	p.paste("tenants", "id\tlabels.region\nada\teu\nada\tus\n")
	p.until(`document.querySelector("[data-fault=tenantIds]").innerText.startsWith("line 3: ")`)
	p.paste("tenants", `["ada", "bob"`)
	p.until(`document.querySelector("[data-fault=tenantIds]").innerText.includes("JSON array")`)
	p.run(chromedp.Navigate(h.url + "?plan=" + id.String()))
	p.press("Add tenants")
	p.paste("tenants", "id\tlabels.region\nbob\teu\nada\tus\n")
	p.press("Add tenants")
	p.until(`document.querySelector("dialog [data-fault=tenantIds]").innerText.startsWith("line 3: ")`)
	p.paste("tenants", "id\tlabels.region\nbob\teu\n")
	p.press("Add tenants")
	p.sees("Done: Add tenants.")
	if got := h.tenant(t, id, 2); got.ID != "bob" || got.Labels["region"] != "eu" {
		t.Errorf("%+v", got)
	}
	p.press("Exclude tenants")
	p.paste("tenants", `[{"id":"bob"}]`)
	p.write("reason", "gone")
	p.press("Exclude tenants")
	p.sees("Matched: 1, being changed: 1")
	p.quiet(noPreview, "/tenants/add")
}

// The page of a task says of which cause, or in which wave, too many have failed.
func TestBreachNamesItsCause(t *testing.T) {
	t.Parallel()
	h := start(t)
	id := h.create(t, strategy.Strategy{}, "ada")
	why := fmt.Sprintf("tasks/%d/why", task.NewID(id, 1))
	for params, want := range map[string]string{
		`"failed":3,"tolerated":2`:                                            "More failed than is tolerated: 3 of 2.",
		`"failed":3,"tolerated":2,"wave":4`:                                   "More of wave 4 failed than is tolerated: 3 of 2.",
		`"failed":3,"tolerated":2,"errorCode":"NO_ROUTE"`:                     "More failed with NO_ROUTE than is tolerated: 3 of 2.",
		`"failed":3,"tolerated":2,"errorCode":"NO_ROUTE","step":"SWITCH <b>"`: "More failed with NO_ROUTE at step SWITCH <b> than is tolerated: 3 of 2.",
	} {
		h.set(func() {
			h.answers = map[string]string{why: `{"code":"BREACH","text":"x","taskState":"PENDING","planState":"RUNNING","params":{` + params + `}}`}
		})
		p := h.open(t, fmt.Sprintf("?task=%d", task.NewID(id, 1)))
		p.sees(want)
		p.quiet()
	}
}

// The list of plans says that some cannot be read.
func TestPlansPartly(t *testing.T) {
	t.Parallel()
	h := start(t)
	h.create(t, strategy.Strategy{}, "ada")
	h.set(func() {
		h.answers = map[string]string{"plans?limit=200": `{"plans":[],"partly":{"code":"CORRUPT","title":"Stored data is damaged","status":500}}`}
	})
	p := h.open(t, "")
	p.sees("Stored data is damaged")
	p.quiet()
}
