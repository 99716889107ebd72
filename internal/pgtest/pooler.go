package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/proctest"
)

// Pooler is a PgBouncer in front of a server.
type Pooler struct{ port int }

// StartPooler runs a PgBouncer until the end of the test and waits until it answers. mode is
// transaction, session or statement. users may connect, beside the Superuser.
func StartPooler(t testing.TB, s *Server, mode string, users ...string) *Pooler {
	t.Helper()
	path, ready, dir := binary(t, "pgbouncer"), binary(t, "pg_isready"), folder(t)
	list := filepath.Join(dir, "users")
	var known strings.Builder
	for _, user := range append(users, Superuser) {
		fmt.Fprintf(&known, "%q \"\"\n", user)
	}
	write(t, list, known.String())
	for range startTries {
		p := &Pooler{port: proctest.FreePort(t)}
		config := filepath.Join(dir, "pgbouncer.ini")
		write(t, config, fmt.Sprintf(`[databases]
* = host=%s port=%d
[pgbouncer]
listen_addr = %s
listen_port = %d
unix_socket_dir =
auth_type = trust
auth_file = %s
pool_mode = %s
default_pool_size = 20
max_client_conn = 500
`, proctest.Loopback, s.port, proctest.Loopback, p.port, list, mode))
		command, args := asUser(t, path, []string{config})
		if await(t, proctest.Start(t, command, dir, filepath.Join(dir, "pooler.log"), args), ready, p.port) == nil {
			return p
		}
	}
	t.Fatalf("pgtest: no start of %s in %d tries", path, startTries)
	return nil
}

// URL returns the URL of a database for a user.
func (p *Pooler) URL(database, user string) string { return url(p.port, database, user) }

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatalf("pgtest: %v", err)
	}
	own(t, path)
}
