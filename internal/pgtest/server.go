package pgtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/proctest"
)

// startTries is the maximum number of tries to start a server. A try fails if another process takes
// the port between its choice and its use.
const startTries = 10

// readyTime is how long a server may take to answer.
const readyTime = 60 * time.Second

// Superuser is the name of the user who may do everything, without a password.
const Superuser = "postgres"

// Server is a PostgreSQL of one test. A restart changes neither its port nor its data and settings.
type Server struct {
	t        testing.TB
	dir      string
	port     int
	settings []string
	binary   string
	ready    string // pg_isready

	process *proctest.Process
	frozen  []int // process ids
}

// Start runs a server until the end of the test and waits until it answers. settings are of the
// form name=value. Without fsync=on among them what is written does not survive the machine's end;
// the server's own end it survives either way.
func Start(t testing.TB, settings ...string) *Server {
	t.Helper()
	return start(t, nil, settings)
}

// StartWithLog is Start with the write-ahead log in a folder that does not exist yet, in segments
// of 1 MiB.
func StartWithLog(t testing.TB, folder string, settings ...string) *Server {
	t.Helper()
	return start(t, []string{"--waldir", folder, "--wal-segsize", "1"}, append([]string{"min_wal_size=2MB", "max_wal_size=4MB"}, settings...))
}

func start(t testing.TB, how, settings []string) *Server {
	t.Helper()
	s := newServer(t, settings)
	args := []string{"--pgdata", s.data(), "--username", Superuser, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"}
	run(t, s.dir, binary(t, "initdb"), append(args, how...)...)
	s.begin()
	return s
}

// newServer returns a server without data.
func newServer(t testing.TB, settings []string) *Server {
	t.Helper()
	s := &Server{t: t, binary: binary(t, "postgres"), ready: binary(t, "pg_isready"), dir: folder(t)}
	s.settings = append([]string{
		"fsync=off", "unix_socket_directories=", "listen_addresses=" + proctest.Loopback, "max_connections=200",
		"shared_buffers=64MB", "logging_collector=off", "log_min_messages=warning",
	}, settings...)
	return s
}

// begin starts the server on a free port.
func (s *Server) begin() {
	s.t.Helper()
	for range startTries {
		s.port = proctest.FreePort(s.t)
		if s.launch() == nil {
			return
		}
	}
	s.t.Fatalf("pgtest: no start of %s in %d tries\n%s", s.binary, startTries, s.process.Tail())
}

// URL returns the URL of a database for a user, both of which need not exist.
func (s *Server) URL(database, user string) string { return url(s.port, database, user) }

// Port returns the port on which the server listens.
func (s *Server) Port() int { return s.port }

func url(port int, database, user string) string {
	return fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", user, proctest.Address(port), database)
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// launch starts the server and waits until it answers. It returns an error if it has ended.
func (s *Server) launch() error {
	s.t.Helper()
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	path, args := asUser(s.t, s.binary, args)
	s.process = proctest.Start(s.t, path, s.dir, filepath.Join(s.dir, "server.log"), args)
	return await(s.t, s.process, s.ready, s.port)
}

// Kill ends all processes of the server with SIGKILL, as a crash does, and waits until the first
// one has ended. Killing a server that is down does nothing.
func (s *Server) Kill() {
	if s.process.Ended() {
		return
	}
	backends := children(s.process.PID())
	s.process.Kill()
	for _, pid := range backends {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended with the first one
	}
	s.frozen = nil
}

// Ended reports whether the server has ended, killed or by itself.
func (s *Server) Ended() bool { return s.process.Ended() }

// Abort ends the server by an immediate shutdown, which leaves everything to the recovery, and
// waits until it has ended.
func (s *Server) Abort() {
	s.t.Helper()
	signal(s.t, s.process.PID(), syscall.SIGQUIT)
	for until := time.Now().Add(readyTime); !s.process.Ended(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			s.t.Fatalf("pgtest: the server does not end\n%s", s.process.Tail())
		}
	}
	s.frozen = nil
}

// Restart starts the server again, and waits until it has recovered and answers. If the server is
// still up, Restart first kills it.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	var err error
	for until := time.Now().Add(readyTime); time.Now().Before(until); {
		// The first tries fail while a process of before holds the shared memory.
		if err = s.launch(); err == nil {
			return
		}
	}
	s.t.Fatalf("pgtest: restarting: %v\n%s", err, s.process.Tail())
}

// Freeze stops all processes of the server with SIGSTOP: connections stay open, the kernel accepts
// new ones, and nothing is answered until Thaw or Kill.
func (s *Server) Freeze() {
	s.t.Helper()
	first := s.process.PID()
	signal(s.t, first, syscall.SIGSTOP) // it makes no others from here on
	s.frozen = append(children(first), first)
	for _, pid := range s.frozen {
		signal(s.t, pid, syscall.SIGSTOP)
	}
}

// Thaw continues a frozen server. A frozen server need not be thawed at the end of the test.
func (s *Server) Thaw() {
	s.t.Helper()
	for _, pid := range s.frozen {
		signal(s.t, pid, syscall.SIGCONT)
	}
	s.frozen = nil
}

func signal(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("pgtest: signal %s: %v", sig, err)
	}
}

// children returns the processes that a process has started.
func children(parent int) (pids []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var pid, of int
		var name, state string
		if _, err := fmt.Sscan(string(text), &pid, &name, &state, &of); err == nil && of == parent {
			pids = append(pids, pid)
		}
	}
	return pids
}
