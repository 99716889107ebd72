//go:build crash

package crash

import (
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
)

// lines returns the rows about broken connections, and about what a server forgets: its scripts and
// its clients.
func lines() []row {
	const none = "nothing is lost, nothing is done twice but what was not saved"
	return []row{
		{Name: "cut in the middle of answers", Extent: crashtest.Short, Do: cutAnswers, Expect: none},
		{Name: "answers and requests lost", Extent: crashtest.Short, Do: lostAnswers, Expect: none},
		{Name: "SCRIPT FLUSH", Extent: crashtest.Short, Do: every("SCRIPT", "FLUSH"), Expect: none},
		{Name: "CLIENT KILL", Extent: crashtest.Short, Do: every("CLIENT", "KILL", "TYPE", "normal"), Expect: none},
		{Name: "CLIENT KILL of subscribers", Extent: crashtest.Short, Do: every("CLIENT", "KILL", "TYPE", "pubsub"), Expect: none},
	}
}

// every sends a command to the server 25 times while the workers run a plan.
func every(command ...any) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		s.Busy(100)
		for range 25 {
			// A command that kills its own connection gets no answer.
			_ = server.Client().Do(t.Context(), command...).Err()
			time.Sleep(40 * time.Millisecond)
		}
		return s.complete()
	}
}

// lostAnswers drops whole answers and whole requests, alternately.
func lostAnswers(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	proxy := redistest.NewProxy(t, server.Addr())
	s.own.Target.Addrs = []string{proxy.Addr()}
	s.Busy(150)
	for i := range 40 {
		if i%2 == 0 {
			proxy.DropReplies(1)
		} else {
			proxy.DropRequests(1)
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.complete()
	if proxy.Dropped() < 10 {
		t.Errorf("only %d answers and requests were lost", proxy.Dropped())
	}
	return s
}

// cutAnswers cuts every connection at a random byte, mostly in the middle of an answer.
func cutAnswers(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	cutter := crashtest.NewCutter(t, server.Addr(), 500, 6500)
	s.own.Target.Addrs = []string{cutter.Addr}
	s.Busy(150)
	s.complete()
	if n := cutter.Count(); n < 10 {
		t.Errorf("only %d connections were cut", n)
	}
	return s
}
