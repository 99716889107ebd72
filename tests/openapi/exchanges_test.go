package openapi_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exchange is a request of a test of package ops, with its answer.
type exchange struct {
	Test, Method, Path, Query string
	RequestHeader, Header     http.Header
	RequestBody, Body         string
	Status                    int
}

// exchanges runs the tests of package ops and returns what they have sent and got, each once.
func exchanges(t *testing.T) (list []exchange) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "exchanges")
	tests := exec.CommandContext(t.Context(), "go", "test", "-short", "-count=1", "./ops")
	tests.Dir = root
	tests.Env = append(os.Environ(), "CUTOVER_OPS_EXCHANGES="+name)
	if out, err := tests.CombinedOutput(); err != nil {
		t.Fatalf("the tests of package ops: %v\n%s", err, out)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 8<<20)
	seen := make(map[string]bool)
	for lines.Scan() {
		var e exchange
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		if key := strings.Join([]string{e.Method, e.Path, e.Query, e.RequestBody, e.Body}, "\n"); !seen[key] {
			seen[key] = true
			list = append(list, e)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}
