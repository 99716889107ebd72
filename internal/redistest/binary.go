package redistest

import (
	"cmp"
	"os"
	"os/exec"
	"testing"
)

const (
	// requireEnv names the variable that turns a missing server binary from a skip
	// into a failure.
	requireEnv = "CUTOVER_REQUIRE_REDIS"
	// skipEnv names the variable that skips all tests with real servers.
	skipEnv = "CUTOVER_SKIP_REDIS"
	// serverEnv names the variable with the server binary to run: a name on PATH or a path. Any
	// binary with Redis's command line will do, such as valkey-server.
	serverEnv = "CUTOVER_REDIS_SERVER"
)

// Instead reports whether an imitation may be tested in part, because the same tests run on a real
// server, and nothing asks for all of them: where real servers are required, imitations are tested
// in full, too.
func Instead() bool {
	_, err := exec.LookPath(cmp.Or(os.Getenv(serverEnv), "redis-server"))
	return err == nil && os.Getenv(skipEnv) != "1" && os.Getenv(requireEnv) != "1"
}

// binary returns the path of the server binary, or skips or fails the test that needs it. A binary
// that serverEnv names must exist.
func binary(t testing.TB) string {
	t.Helper()
	if os.Getenv(skipEnv) == "1" {
		t.Skipf("redistest: %s=1", skipEnv)
	}
	asked := os.Getenv(serverEnv)
	name := cmp.Or(asked, "redis-server")
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
		return path
	case asked != "":
		t.Fatalf("redistest: %s=%s: %v", serverEnv, asked, err)
	case os.Getenv(requireEnv) == "1":
		t.Fatalf("redistest: %s=1, but there is no redis-server: %v", requireEnv, err)
	}
	t.Skipf("redistest: needs redis-server on PATH (%v); set %s=1 to fail instead of skipping", err, requireEnv)
	return ""
}
