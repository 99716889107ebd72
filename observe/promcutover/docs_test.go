package promcutover

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

var update = flag.Bool("update", false, "write the table of docs/observability.md anew")

const (
	page  = "../../docs/observability.md"
	begin = "<!-- metrics, written by: cd observe/promcutover && go test -run Documented -update . -->\n"
	end   = "<!-- end of metrics -->\n"
)

// table returns the table of all metrics.
func table() string {
	var b strings.Builder
	b.WriteString("\n| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n")
	for _, f := range newFamilies("").all {
		kind := map[bool]string{true: "counter", false: "gauge"}[f.kind == prometheus.CounterValue]
		if f.hist {
			kind = "histogram"
		}
		labels := ""
		for _, l := range f.labels {
			labels += "`" + l + "` "
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.name, kind, strings.TrimSpace(labels), f.unit, f.help)
	}
	return b.String() + "\n"
}

// Every metric is documented as it is in the code.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	documented, after, ends := strings.Cut(rest, end)
	switch {
	case !found || !ends:
		t.Fatalf("%s has no place for the table", page)
	case documented == table():
	case *update:
		if err := os.WriteFile(page, []byte(before+begin+table()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s has another table than the code; write it with -update", page)
	}
}

// What the dashboard, the alerts and the documentation name exists, and the dashboard shows every
// metric.
func TestNamedMetricsExist(t *testing.T) {
	t.Parallel()
	names := make(map[string]bool)
	for _, f := range newFamilies("").all {
		names[f.name] = true
		if f.hist {
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				names[f.name+suffix] = true
			}
		}
	}
	shown := make(map[string]bool)
	for _, file := range []string{"dashboard.json", "alerts.yml", page, "../../docs/operations.md", "doc.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(`\bcutover_[a-z_]+\b\*?`).FindAllString(string(text), -1)
		for _, name := range found {
			if strings.HasSuffix(name, "*") || strings.HasSuffix(name, "_") {
				continue // a group of them
			}
			if !names[name] {
				t.Errorf("%s names %s, which does not exist", file, name)
			}
			if file == "dashboard.json" {
				shown[strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")] = true
			}
		}
	}
	for _, f := range newFamilies("").all {
		if !shown[f.name] {
			t.Errorf("the dashboard does not show %s", f.name)
		}
	}
}
