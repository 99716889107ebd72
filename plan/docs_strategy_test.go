package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// documented is the example of docs/strategy.md.
func documented() plan.Spec {
	return spec(func(s *plan.Spec) {
		s.Tenants = make([]task.Tenant, 100)
		for i := range s.Tenants {
			if s.Tenants[i].ID = fmt.Sprint("t", i+1); i%20 == 0 {
				s.Tenants[i].Labels = map[string]string{"canary": "yes"}
			}
		}
		s.Strategy = strategy.Strategy{
			MaxConcurrency: strategy.Count(10),
			MaxFailures:    strategy.Percent(5),
			BakeTime:       30 * time.Minute,
			FirstBakeTime:  24 * time.Hour,
			Waves: []strategy.Wave{
				{Name: "canary", Labels: map[string]string{"canary": "yes"}, Canary: true},
				{Name: "early", Size: strategy.Percent(20), MaxConcurrency: strategy.Count(5)},
				{Name: "rest", Approval: true},
			},
		}
	})
}

// TestDocumentationOfStrategies checks that docs/strategy.md shows what its example does.
func TestDocumentationOfStrategies(t *testing.T) {
	t.Parallel()
	a, err := documented().Arrange(noon())
	if err != nil || len(a.Warnings) > 0 {
		t.Fatalf("%v, warnings %q", err, a.Warnings)
	}
	path := filepath.Join("..", "docs", "strategy.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := replaceBlock(t, string(old), "preview", previewTable(a.Preview()))
	if page == string(old) {
		return
	}
	if !*update {
		t.Fatalf("%s does not show the preview; run the test with -update", path)
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

func previewTable(waves []strategy.WavePreview) string {
	var b strings.Builder
	b.WriteString("\n| wave | ordinals | at once | failures tolerated, of the wave and of the plan | strict | approval | bakes for | worst case |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|\n")
	yes := map[bool]string{true: "yes", false: "no"}
	for _, w := range waves {
		fmt.Fprintf(&b, "| %s | %d to %d | %d | %d, %d | %s | %s | %s | %d |\n",
			w.Name, w.First, w.Last, w.MaxSlots, w.WaveMaxFailed, w.MaxFailed, yes[w.Strict], yes[w.Approval], w.BakeTime, w.WorstCase)
	}
	b.WriteString("\n")
	return b.String()
}
