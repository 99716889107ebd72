package mutants

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the module's folder.
const root = "../../.."

// TestTable checks that each mutant has a name of its own, that the test that must notice it
// exists, and that the source that it replaces occurs once.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, m := range mutants() {
		if seen[m.name] {
			t.Errorf("%s: twice", m.name)
		}
		seen[m.name] = true
		if !hasTest(t, m.pkg, m.test) {
			t.Errorf("%s: there is no test %s in %s", m.name, m.test, m.pkg)
		}
		for _, e := range m.edits {
			if n := strings.Count(read(t, filepath.Join(root, e.file)), e.old); n != 1 {
				t.Errorf("%s: %q occurs %d times in %s", m.name, e.old, n, e.file)
			}
		}
	}
}

func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.Contains(read(t, f), "func "+name+"(t *testing.T)") {
			return true
		}
	}
	return false
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
