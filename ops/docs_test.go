package ops_test

import (
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// found returns what a pattern finds in a file: the text of its groups, joined.
func found(t *testing.T, file, pattern string) (list []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
		list = append(list, strings.Join(m[1:], " "))
	}
	slices.Sort(list)
	return list
}

// The documentation has every path, and no other.
func TestDocumentedPaths(t *testing.T) {
	t.Parallel()
	documented := found(t, "../docs/ops.md", "(?m)^\\| `(GET|POST) ([^`]+)`")
	routed := found(t, "routes.go", `pattern: "(GET|POST) /([^"]+)"`)
	if !slices.Equal(documented, routed) || len(routed) < 20 {
		t.Errorf("documented %q\nrouted     %q", documented, routed)
	}
}

// The documentation has every code with its status, and no other.
func TestDocumentedCodes(t *testing.T) {
	t.Parallel()
	defined := found(t, "codes.go", `code\{"(\w+)", http\.Status(\w+)`)
	var documented []string
	for _, row := range found(t, "../docs/ops.md", "(?m)^\\| `([A-Z_]+)` \\| (\\d+)") {
		code, status, _ := strings.Cut(row, " ")
		documented = append(documented, code+" "+strings.ReplaceAll(http.StatusText(number(status)), " ", ""))
	}
	if !slices.Equal(documented, defined) || len(defined) < 20 {
		t.Errorf("documented %q\ndefined    %q", documented, defined)
	}
}

func number(text string) (n int) {
	for _, digit := range text {
		n = 10*n + int(digit-'0')
	}
	return n
}
