package pgtest_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/pgtest"
)

// ask sends a statement with psql.
func ask(t *testing.T, url, sql string) (string, error) {
	t.Helper()
	psql, err := exec.LookPath("psql")
	if err != nil && os.Getenv("CI") == "" {
		t.Skip("pgtest: needs psql")
	}
	cmd := exec.CommandContext(t.Context(), psql, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, url)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func must(t *testing.T, url, sql, want string) {
	t.Helper()
	if got, err := ask(t, url, sql); err != nil || got != want {
		t.Fatalf("%s: %q, %v; want %q", sql, got, err, want)
	}
}

// TestServer: what was committed survives a crash, a frozen server answers nothing until it thaws,
// and a pooler answers for its server.
func TestServer(t *testing.T) {
	t.Parallel()
	s := pgtest.Start(t, "fsync=on")
	url := s.URL("postgres", pgtest.Superuser)
	must(t, url, "SHOW fsync", "on")
	must(t, url, "CREATE TABLE x (n int); INSERT INTO x VALUES (7)", "")
	s.Kill()
	if out, err := ask(t, url, "SELECT 1"); err == nil {
		t.Errorf("a killed server answers %q", out)
	}
	s.Restart()
	must(t, url, "SELECT n FROM x", "7")

	s.Freeze()
	done := make(chan error, 1)
	go func() { _, err := ask(t, url, "SELECT 1"); done <- err }()
	select {
	case err := <-done:
		t.Errorf("a frozen server has answered: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	s.Thaw()
	if err := <-done; err != nil {
		t.Errorf("after the thaw: %v", err)
	}
	p := pgtest.StartPooler(t, s, "transaction")
	must(t, p.URL("postgres", pgtest.Superuser), "SELECT n FROM x", "7")
}
