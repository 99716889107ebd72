package window_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestDocumentation checks that the table of docs/windows.md is the one that TestEdges tests.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "docs", "windows.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin edges -->\n", "<!-- end edges -->\n"
	before, rest, found := strings.Cut(string(old), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no marks for the table", path)
	}
	page := before + begin + edgeTable(t) + end + after
	if page == string(old) {
		return
	}
	if !*update {
		t.Fatalf("%s does not show the cases; run the test with -update", path)
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// edgeTable writes the cases as a table, one part for each change of a clock.
func edgeTable(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, c := range changes() {
		fmt.Fprintf(&b, "\n**%s**, %s\n\n| window | opens | closes | lasts |\n|---|---|---|---|\n", c.zone, c.clock)
		for _, e := range c.cases {
			name := fmt.Sprintf("%s, %s to %s", e.date, e.from, e.to)
			if e.opens == "" {
				fmt.Fprintf(&b, "| %s | not that day | | |\n", name)
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, shown(t, e.opens), shown(t, e.closes), hours(e.lasts))
		}
	}
	return b.String() + "\n"
}

// shown returns what the clock shows and its offset from UTC.
func shown(t *testing.T, s string) string {
	t.Helper()
	return instant(t, s).Format("2006-01-02 15:04 (-07:00)")
}

func hours(d time.Duration) string {
	return fmt.Sprintf("%d:%02d h", d/time.Hour, d%time.Hour/time.Minute)
}
