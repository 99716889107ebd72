package archtest_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/sample"
)

// TestWorkspaceBuilds builds the other modules of the workspace, with their tests: they stand on
// packages of the main module, some of them internal, which nobody may change without them. To
// compile what they depend on takes a minute for the first time, so `make arch` and `make check` do
// it, and `go test ./...` does not.
func TestWorkspaceBuilds(t *testing.T) {
	t.Parallel()
	if !sample.Whole() {
		t.Skip("CUTOVER_FULL is not set")
	}
	watchSources(t)
	text, err := os.ReadFile(filepath.Join(moduleRoot, "go.work"))
	if err != nil {
		t.Fatal(err)
	}
	modules := 0
	for _, word := range strings.Fields(string(text)) {
		if !strings.HasPrefix(word, "./") {
			continue
		}
		modules++
		cmd := exec.CommandContext(context.Background(), "go", "vet", word+"/...")
		cmd.Dir = moduleRoot
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", word, err, out)
		}
	}
	if modules == 0 {
		t.Error("go.work names no other module")
	}
}
