package pgtest

import (
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/internal/proctest"
)

// Standby copies the server and starts the copy as a streaming replica, with the same settings,
// until the end of the test. A primary waits for it if its synchronous_standby_names has name.
func (s *Server) Standby(name string) *Server {
	s.t.Helper()
	r := newServer(s.t, nil)
	for _, setting := range s.settings {
		if !strings.HasPrefix(setting, "synchronous_standby_names=") { // it has no replica of its own
			r.settings = append(r.settings, setting)
		}
	}
	from := fmt.Sprintf("host=%s port=%d user=%s application_name=%s", proctest.Loopback, s.port, Superuser, name)
	run(s.t, r.dir, binary(s.t, "pg_basebackup"), "--pgdata", r.data(), "--dbname", from, "--write-recovery-conf", "--wal-method", "stream",
		"--checkpoint", "fast", "--no-sync")
	r.begin()
	return r
}

// Promote makes a standby the primary, and waits until it is.
func (s *Server) Promote() {
	s.t.Helper()
	run(s.t, s.dir, binary(s.t, "pg_ctl"), "promote", "--pgdata", s.data(), "--wait")
}

// URLOf returns the URL of a database for a user on whichever of the servers is the primary.
func URLOf(servers []*Server, database, user string) string {
	var hosts []string
	for _, s := range servers {
		hosts = append(hosts, proctest.Address(s.port))
	}
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable&target_session_attrs=read-write&connect_timeout=2", user, strings.Join(hosts, ","), database)
}
