package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// The documentation shows the state machines of the code.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "docs", "states.md")
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(old)
	for name, text := range map[string]string{
		"plan diagram": diagram("CREATED", planRows()),
		"plan table":   table("CREATED", planRows()),
		"task diagram": diagram("PENDING", taskRows()),
		"task table":   table("PENDING", taskRows()),
	} {
		page = replaceBlock(t, page, name, text)
	}
	if page == string(old) {
		return
	}
	if !*update {
		t.Fatalf("%s does not show the machines; run the test with -update", path)
	}
	if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Every state has a row that explains it.
func TestDocumentationExplainsStates(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "states.md"))
	if err != nil {
		t.Fatal(err)
	}
	plans, tasks, ok := strings.Cut(string(page), "\n## Task\n")
	if !ok {
		t.Fatal("no part about tasks")
	}
	for i := range plan.NumStates {
		if row := fmt.Sprintf("\n| `%s` |", plan.State(i)); !strings.Contains(plans, row) {
			t.Errorf("plan state %s has no row", plan.State(i))
		}
	}
	for i := range task.NumStates {
		if row := fmt.Sprintf("\n| `%s` |", task.State(i)); !strings.Contains(tasks, row) {
			t.Errorf("task state %s has no row", task.State(i))
		}
	}
}

// replaceBlock replaces the text between the marks of a name.
func replaceBlock(t *testing.T, page, name, text string) string {
	t.Helper()
	begin, end := "<!-- begin "+name+" -->\n", "<!-- end "+name+" -->\n"
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("the page has no marks for the %s", name)
	}
	return before + begin + text + end + after
}

// diagram writes a machine for Mermaid, with one arrow from state to state.
func diagram(first string, rows [][3]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n```mermaid\nstateDiagram-v2\n    [*] --> %s: create\n", first)
	for _, row := range arrows(rows) {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", row[0], row[2], row[1])
	}
	b.WriteString("```\n\n")
	return b.String()
}

// table writes a machine as a table, with one row from state to state.
func table(first string, rows [][3]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| from | cause | to |\n|---|---|---|\n| (new) | create | `%s` |\n", first)
	for _, row := range arrows(rows) {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", row[0], row[1], row[2])
	}
	b.WriteString("\n")
	return b.String()
}

// arrows merges rows with the same two states and joins their causes.
func arrows(rows [][3]string) [][3]string {
	var joined [][3]string
	for _, row := range rows {
		same := func(other [3]string) bool { return other[0] == row[0] && other[2] == row[2] }
		if i := slices.IndexFunc(joined, same); i >= 0 {
			joined[i][1] += ", " + row[1]
		} else {
			joined = append(joined, row)
		}
	}
	return joined
}

// The operators' page shows the errors of commands on many tasks as they are.
func TestDocumentationShowsErrors(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	three := plan.Control{Waves: []plan.Wave{{Last: 4}, {Last: 16}, {Last: 40}}}
	sweeps := make([]plan.Sweep, plan.MaxSweeps-1)
	sweeps[0] = plan.Sweep{Kind: plan.SweepRetry, Filter: task.Filter{States: []task.State{task.Failed}}, Actor: "ann", After: 4}
	for _, err := range []error{
		three.CheckFilter(task.Filter{Waves: []int{9}}),
		&plan.VersionError{Plan: 7, Want: 12, Found: 14},
		&plan.SweepsFullError{Plan: 7, TaskCount: 10, Sweeps: sweeps},
	} {
		if !strings.Contains(string(page), "\n| `"+err.Error()+"` |") {
			t.Errorf("no row of %q", err)
		}
	}
}
