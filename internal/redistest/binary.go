package redistest

import (
	"os"
	"os/exec"
	"testing"
)

// requireEnv names the variable that turns a missing redis-server from a skip
// into a failure.
const requireEnv = "CUTOVER_REQUIRE_REDIS"

// skipEnv names the variable that skips all tests with real servers.
const skipEnv = "CUTOVER_SKIP_REDIS"

// binary finds redis-server, or skips or fails the test that needs it.
func binary(t testing.TB) string {
	t.Helper()
	if os.Getenv(skipEnv) == "1" {
		t.Skipf("redistest: %s=1", skipEnv)
	}
	path, err := exec.LookPath("redis-server")
	if err == nil {
		return path
	}
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf("redistest: %s=1, but there is no redis-server: %v", requireEnv, err)
	}
	t.Skipf("redistest: needs redis-server on PATH (%v); set %s=1 to fail instead of skipping", err, requireEnv)
	return ""
}
