package pgtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/internal/proctest"
)

// Pooler is a PgBouncer in front of a server. A restart changes neither its port nor its settings.
type Pooler struct {
	t                  testing.TB
	binary, ready, dir string
	port               int
	process            *proctest.Process
}

// StartPooler runs a PgBouncer until the end of the test and waits until it answers. mode is
// transaction, session or statement. users may connect, beside the Superuser.
func StartPooler(t testing.TB, s *Server, mode string, users ...string) *Pooler {
	t.Helper()
	p := &Pooler{t: t, binary: binary(t, "pgbouncer"), ready: binary(t, "pg_isready"), dir: folder(t)}
	var known strings.Builder
	for _, user := range append(users, Superuser) {
		fmt.Fprintf(&known, "%q \"\"\n", user)
	}
	write(t, p.users(), known.String())
	for range startTries {
		p.port = proctest.FreePort(t)
		write(t, p.config(), fmt.Sprintf(`[databases]
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
`, proctest.Loopback, s.port, proctest.Loopback, p.port, p.users(), mode))
		if p.launch() == nil {
			return p
		}
	}
	t.Fatalf("pgtest: no start of %s in %d tries", p.binary, startTries)
	return nil
}

func (p *Pooler) config() string { return filepath.Join(p.dir, "pgbouncer.ini") }

func (p *Pooler) users() string { return filepath.Join(p.dir, "users") }

// launch starts the pooler and waits until it answers. It returns an error if it has ended.
func (p *Pooler) launch() error {
	p.t.Helper()
	command, args := asUser(p.t, p.binary, []string{p.config()})
	p.process = proctest.Start(p.t, command, p.dir, filepath.Join(p.dir, "pooler.log"), args)
	return await(p.t, p.process, p.ready, p.port)
}

// Restart kills the pooler with SIGKILL, starts it again, and waits until it answers.
func (p *Pooler) Restart() {
	p.t.Helper()
	p.process.Kill()
	if err := p.launch(); err != nil {
		p.t.Fatalf("pgtest: restarting %s: %v\n%s", p.binary, err, p.process.Tail())
	}
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
