package console_test

import (
	"context"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cutover-go/cutover/plan/strategy"
)

// The form for a new plan takes quotas as "label=max", in a list. What is wrong with one is said
// beside the field, and the page of the plan shows them.
func TestQuotasOfANewPlan(t *testing.T) {
	h := start(t)
	p := h.open(t, "?new=")
	p.paste("name", "to blue")
	p.paste("executorType", "MOVE")
	p.paste("tenants", `[{"id":"ada","labels":{"shard":"db-1","a=b":"x"}},{"id":"bob"}]`)
	for _, tt := range []struct{ text, fault string }{
		{"shard", "quotas[0].max"},
		{"shard=many", "quotas[0].max"},
		{"shard=5, =1", "quotas[1].label is empty"},
		{"shard=5, rack=1001", "quotas[1].max 1001 is not from 1 to 1000"},
		{"shard=5，shard=4", `quotas[1].label "shard" is already that of Quotas[0]`},
	} {
		p.run(chromedp.Evaluate(`document.querySelector("[name='strategy.quotas']").value = ""`, nil))
		p.write("strategy.quotas", tt.text)
		p.until(`document.querySelector("[data-fault='strategy.quotas']").innerText.includes(` + "`" + tt.fault + "`)")
	}
	p.run(chromedp.Evaluate(`document.querySelector("[name='strategy.quotas']").value = ""`, nil))
	p.write("strategy.quotas", "shard = 5,a=b=2、 rack=1000 ,")
	p.until(`document.querySelector("[data-fault='strategy.quotas']").innerText === ""`)
	p.sees("Worst case")
	p.press("Create plan")
	p.sees("Not started. Tenants: 2.")
	created, err := h.engine.Plan(context.Background(), 1)
	if want := []strategy.Quota{{Label: "shard", Max: 5}, {Label: "a=b", Max: 2}, {Label: "rack", Max: 1000}}; err != nil || !slices.Equal(created.Strategy.Quotas, want) {
		t.Errorf("%+v, %v", created.Strategy.Quotas, err)
	}
	p.run(chromedp.Click(`[data-key=rules]`, chromedp.ByQuery))
	p.sees("shard ≤ 5, a=b ≤ 2, rack ≤ 1000")
	p.quiet(noPreview)
}
