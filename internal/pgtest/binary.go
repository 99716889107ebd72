package pgtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

const (
	// requireEnv names the variable that turns a missing binary from a skip into a failure.
	requireEnv = "CUTOVER_REQUIRE_POSTGRES"
	// folderEnv names the variable with the folder of the binaries.
	folderEnv = "CUTOVER_POSTGRES_BIN"
)

// binary returns the path of a binary, or skips or fails the test that needs it.
func binary(t testing.TB, name string) string {
	t.Helper()
	folders, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	slices.Sort(folders)
	slices.Reverse(folders)
	if asked := os.Getenv(folderEnv); asked != "" {
		folders = []string{asked}
	}
	for _, folder := range append(folders, "/usr/sbin") {
		if path := filepath.Join(folder, name); executable(path) {
			return path
		}
	}
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case os.Getenv(requireEnv) == "1":
		t.Fatalf("pgtest: %s=1, but there is no %s: %v", requireEnv, name, err)
	}
	t.Skipf("pgtest: needs %s (%v); set %s=1 to fail instead of skipping", name, err, requireEnv)
	return ""
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
