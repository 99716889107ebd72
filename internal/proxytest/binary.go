package proxytest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

const (
	requireEnv = "CUTOVER_REQUIRE_PROXIES"
	skipEnv    = "CUTOVER_SKIP_PROXIES"
)

// binary returns the path of a server's binary, or skips or fails the test that needs it. Debian
// keeps both servers in sbin, which is not on every user's PATH.
func binary(t testing.TB, name string) string {
	t.Helper()
	if os.Getenv(skipEnv) == "1" {
		t.Skipf("proxytest: %s=1", skipEnv)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/" + name)
	}
	if err == nil {
		return path
	}
	if os.Getenv(requireEnv) == "1" {
		t.Fatalf("proxytest: %s=1, but there is no %s: %v", requireEnv, name, err)
	}
	t.Skipf("proxytest: needs %s on PATH (%v); set %s=1 to fail instead of skipping", name, err, requireEnv)
	return ""
}

// directory returns a temporary directory with a path that is short enough for unix sockets.
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cutover") //nolint:usetesting // t.TempDir has the test's name in its path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

const (
	pollInterval = 10 * time.Millisecond
	// readyTimeout is much longer than any start takes, because the machine may be busy.
	readyTimeout = 30 * time.Second
)

var errEnded = errors.New("the server ended")

// await polls check until it returns nil.
func await(check func() error, ended func() bool) error {
	deadline := time.Now().Add(readyTimeout)
	for {
		err := check()
		switch {
		case err == nil:
			return nil
		case ended():
			return errEnded
		case time.Now().After(deadline):
			return err
		}
		time.Sleep(pollInterval)
	}
}

// ask sends a request of one tenant over a new connection, and returns the body of the answer.
func ask(ctx context.Context, url, tenant string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	req.Header.Set("X-Tenant", tenant)
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return "", err
	}
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	return strings.TrimSpace(string(body)), err
}

// edit replaces a part of a file, which must have it.
func edit(t testing.TB, path, old, to string) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(content), old) {
		t.Fatalf("proxytest: %s has no %q", path, old)
	}
	if err := os.WriteFile(path, []byte(strings.ReplaceAll(string(content), old, to)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Many returns how many tenants a suite switches at once: 0, its own default, if the tests with
// proxies are required, and fewer otherwise, because a plain run of all tests must not take long.
func Many() int {
	if os.Getenv(requireEnv) != "" {
		return 0
	}
	return 500
}
