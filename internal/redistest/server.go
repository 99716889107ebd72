package redistest

import (
	"errors"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/cutover-go/cutover/internal/proctest"
)

// startTries is the maximum number of tries to start a server. A try fails if another process takes
// the port between its choice and its use.
const startTries = 10

// Server is a redis-server process of one test. A restart changes neither its port nor its
// directory and arguments.
type Server struct {
	t      testing.TB
	binary string
	dir    string
	port   int
	args   []string // complete command line, port included

	process *proctest.Process
	frozen  bool
	client  *redis.Client
}

// Start runs a server until the end of the test and waits until it answers. args are added to its
// command line unchanged. Without args the server persists nothing; Start(t, "--appendonly", "yes")
// makes it persist its data.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, func(s *Server) []string {
		base := []string{
			"--port", strconv.Itoa(s.port), "--bind", proctest.Loopback, "--dir", s.dir,
			"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
		}
		return append(base, args...)
	})
}

// start runs a server. command builds the command line when directory and port are known.
func start(t testing.TB, command func(*Server) []string) *Server {
	t.Helper()
	s := &Server{t: t, binary: binary(t), dir: t.TempDir()}
	for try := 1; ; try++ {
		s.port = proctest.FreePort(t)
		s.args = command(s)
		s.process = proctest.Start(t, s.binary, s.dir, s.logPath(), s.args)
		client := redis.NewClient(s.Options())
		t.Cleanup(func() { _ = client.Close() })
		s.client = client
		err := s.awaitReady()
		if err == nil {
			return s
		}
		if !errors.Is(err, errPortTaken) || try == startTries {
			t.Fatalf("redistest: starting %s on %s (try %d): %v\n%s", s.binary, s.Addr(), try, err, s.process.Tail())
		}
	}
}

// Addr returns the server's address as host:port.
func (s *Server) Addr() string { return proctest.Address(s.port) }

// Port returns the port of Addr.
func (s *Server) Port() int { return s.port }

// Dir returns the server's working directory, where its data files are.
func (s *Server) Dir() string { return s.dir }

// PID returns the id of the current process or, if the server is down, of the last process.
func (s *Server) PID() int { return s.process.PID() }

// Client returns a client of this server. All callers share this client, which is closed at the end
// of the test.
func (s *Server) Client() *redis.Client { return s.client }

// Options returns new options for a client that the caller creates.
func (s *Server) Options() *redis.Options {
	return &redis.Options{Addr: s.Addr(), MaintNotificationsConfig: quiet()}
}

// Kill ends the server with SIGKILL, as a crash does, and waits until it has ended. Killing a
// server that is down does nothing.
func (s *Server) Kill() {
	s.process.Kill()
	s.frozen = false
}

// Shutdown ends the server with SIGTERM and waits until it has ended. The server saves no snapshot.
func (s *Server) Shutdown() {
	s.t.Helper()
	if s.process.Ended() {
		return
	}
	s.Thaw()
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatalf("redistest: shutting down: %v", err)
	}
	waitFor(s.t, "the server to shut down", func() error {
		if !s.process.Ended() {
			return errors.New("still running\n" + s.process.Tail())
		}
		return nil
	})
}

// Restart starts the server again on the same port, in the same directory and with the same
// arguments, and waits until it has loaded its data. If the server is still up, Restart first kills
// it.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	var lastErr error
	for range startTries {
		s.process = proctest.Start(s.t, s.binary, s.dir, s.logPath(), s.args)
		if lastErr = s.awaitReady(); !errors.Is(lastErr, errPortTaken) {
			break
		}
	}
	if lastErr != nil {
		s.t.Fatalf("redistest: restarting %s on %s: %v\n%s", s.binary, s.Addr(), lastErr, s.process.Tail())
	}
}

// Freeze stops the process with SIGSTOP: connections stay open, the kernel accepts new ones, and
// the server answers nothing until Thaw or Kill.
func (s *Server) Freeze() {
	s.t.Helper()
	if err := s.process.Signal(syscall.SIGSTOP); err != nil {
		s.t.Fatalf("redistest: freezing: %v", err)
	}
	s.frozen = true
}

// Thaw continues a frozen server. It does nothing to a server that is not frozen; a frozen server
// need not be thawed at the end of the test.
func (s *Server) Thaw() {
	s.t.Helper()
	if !s.frozen {
		return
	}
	if err := s.process.Signal(syscall.SIGCONT); err != nil {
		s.t.Fatalf("redistest: thawing: %v", err)
	}
	s.frozen = false
}

func (s *Server) logPath() string { return filepath.Join(s.dir, "server.log") }

// quiet switches off the client's attempt to subscribe to maintenance messages,
// which the open-source server does not send.
func quiet() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
