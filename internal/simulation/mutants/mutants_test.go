//go:build mutants

package mutants

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
)

// TestMutants makes each mutant in a copy of the module and expects its test to fail. Unless all
// are asked for, it makes a third of them, and with -short a sixth: others in each run.
func TestMutants(t *testing.T) {
	t.Parallel()
	all := mutants()
	for _, i := range sample.Of(t, uint64(len(all)+5)/6, uint64(len(all))) {
		m := all[i]
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			if m.server {
				redistest.Start(t) // otherwise every mutant would seem to be noticed
			}
			dir := copyModule(t)
			for _, e := range m.edits {
				file := filepath.Join(dir, e.file)
				text := read(t, file)
				if n := strings.Count(text, e.old); n != 1 {
					t.Fatalf("%q occurs %d times in %s", e.old, n, e.file)
				}
				text = strings.Replace(text, e.old, e.by, 1)
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			program := filepath.Join(dir, "mutant.test")
			build := []string{"test", "-c", "-trimpath", "-vet=off", "-ldflags=-s -w", "-o", program, m.pkg}
			if out, err := run(t, dir, "go", build...); err != nil {
				t.Fatalf("it does not compile: %v\n%s", err, out)
			}
			args := append([]string{"-test.timeout=10m", "-test.run=" + m.pattern()}, m.args...)
			out, err := run(t, filepath.Join(dir, m.pkg), program, args...)
			if err == nil {
				t.Errorf("nobody noticed: %s %s", m.pkg, strings.Join(args, " "))
			} else if !strings.Contains(out, "--- FAIL: "+m.test) && !strings.Contains(out, "panic: ") {
				t.Errorf("it failed in some other way: %v\n%s", err, out)
			}
		})
	}
}

// pattern returns the pattern of the tests to run.
func (m *mutant) pattern() string {
	pattern := "^" + m.test + "$"
	if m.within != "" {
		pattern += "/^" + strings.ReplaceAll(m.within, "/", "$/^") + "$"
	}
	return pattern
}

func run(t *testing.T, dir, program string, args ...string) (out string, err error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "CUTOVER_FULL=1", "CUTOVER_RUN=")
	text, err := cmd.CombinedOutput()
	return string(text), err
}

// copyModule copies the files of the main module.
func copyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	skipped := map[string]bool{".git": true, "bin": true, "bench": true, "examples": true, "tools": true, "redisack": true, "renewal": true}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		switch {
		case d.IsDir() && skipped[rel]:
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(to, 0o700)
		case !d.Type().IsRegular() || strings.HasSuffix(rel, ".test"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(to, text, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
