package mutants

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const document = root + "/docs/guarantees.md"

// engineTests is the folder of the tests that the document names without one.
const engineTests = "tests/engine"

// TestGuarantees checks that every test that the document names exists, and that it
// lists every mutant with the test that notices it.
func TestGuarantees(t *testing.T) {
	t.Parallel()
	text := read(t, document)
	names := regexp.MustCompile("`([a-z/0-9.]*Test[A-Z][^`]*)`").FindAllStringSubmatch(text, -1)
	if len(names) < 100 {
		t.Errorf("the document names %d tests only", len(names))
	}
	for _, name := range names {
		checkName(t, name[1])
	}
	for _, m := range mutants() {
		test := strings.TrimPrefix(path.Join(m.pkg, m.test, m.within), engineTests+"/")
		row := fmt.Sprintf("| %s | `%s` |", m.name, test)
		if !strings.Contains(text, row) {
			t.Errorf("the document lacks the row\n%s", row)
		}
	}
}

// checkName checks that a test exists: its function in its folder, and for each subtest a scenario
// or a string with its name.
func checkName(t *testing.T, name string) {
	t.Helper()
	at := strings.Index(name, "Test")
	folder := cmp.Or(name[:at], engineTests)
	test, subtests, _ := strings.Cut(name[at:], "/")
	if !hasTest(t, folder, test) {
		t.Errorf("there is no test %s", name)
		return
	}
	for subtest := range strings.SplitSeq(subtests, "/") {
		if subtest != "" && !hasSubtest(t, folder, subtest) {
			t.Errorf("%s: nothing makes the subtest %s", name, subtest)
		}
	}
}

// hasSubtest reports whether a scenario has the name subtest, or a string in the tests of the
// folder or of the conformance suite is that name.
func hasSubtest(t *testing.T, folder, subtest string) bool {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root, folder, "testdata/scenarios", subtest+".txt")); err == nil {
		return true
	}
	quoted := `"` + strings.ReplaceAll(subtest, "_", " ") + `"`
	for _, pattern := range []string{folder + "/*_test.go", "store/storetest/*.go"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if strings.Contains(read(t, f), quoted) {
				return true
			}
		}
	}
	return false
}
