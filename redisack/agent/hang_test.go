package agent_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// TestHangingApplyIsEnded checks that an apply function that hangs until its context ends delays
// neither the rollback nor later writes, and that the context ends with the cause ErrMovedOn.
func TestHangingApplyIsEnded(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	causes := make(chan error, 1)
	started(t, rdb, func(ctx context.Context, u agent.Update) error {
		if u.Version == "v2" {
			<-ctx.Done()
			causes <- context.Cause(ctx)
			return ctx.Err()
		}
		return nil
	}, agent.Config{Push: true})
	c := connect(t, rdb, redisack.Config{})
	check := redisack.Check{
		Fleet: redisack.Static(redisack.Endpoint{ID: "a"}), Push: true,
		Policy: redisack.Policy{Rollback: redisack.RollbackOnFailure},
	}
	for _, step := range []struct {
		version string
		want    error
	}{{"v1", nil}, {"v2", redisack.ErrTimeout}, {"v3", nil}} {
		check.Policy.Timeout = time.Minute
		if step.want != nil {
			check.Policy.Timeout = 3 * time.Second // also that of the rollback, which must be in time on a busy machine
		}
		res, err := c.Apply(t.Context(), redisack.Change{Key: "k", Version: step.version, Payload: []byte(step.version)}, check)
		if !errors.Is(err, step.want) {
			t.Fatalf("%s: %v\n%s", step.version, err, res.Summary())
		}
		if step.want != nil && (res.Rollback == nil || !res.Rollback.OK) {
			t.Fatalf("%s: rollback %+v", step.version, res.Rollback)
		}
	}
	if cause := <-causes; !errors.Is(cause, agent.ErrMovedOn) {
		t.Errorf("the function's context ended for %v", cause)
	}
}

// TestStubbornApply checks that an apply function that ignores the end of its context is reported
// and never called in parallel, and that the current write is applied after the function has
// returned.
func TestStubbornApply(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	var inside, most atomic.Int32
	leave := make(chan struct{})
	a := started(t, rdb, func(_ context.Context, u agent.Update) error {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		if u.Version == "v1" {
			<-leave
		}
		return nil
	}, agent.Config{ApplyTimeout: 10 * time.Millisecond})
	write(t, c, redisack.Change{Version: "v1"})
	eventually(t, "the report that the function has not returned", func() bool {
		s := statusOf(t, a)
		return s.Attempted != nil && s.Attempted.State == "failed" && strings.Contains(s.Attempted.Error, "has not returned")
	})
	target := write(t, c, redisack.Change{Version: "v2"})
	close(leave)
	if _, err := confirmed(t, c, target, a); err != nil {
		t.Error(err)
	}
	if most.Load() != 1 {
		t.Errorf("%d calls at once", most.Load())
	}
}

// TestApplyEndsItsGoroutine checks that a function that ends its goroutine counts as a rejection,
// and that the agent goes on.
func TestApplyEndsItsGoroutine(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	a := started(t, rdb, func(_ context.Context, u agent.Update) error {
		if u.Version == "v1" {
			runtime.Goexit()
		}
		return nil
	}, agent.Config{})
	res, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v1"}), a)
	if !errors.Is(err, redisack.ErrRejected) || !strings.Contains(res.Endpoints[0].Err, "goroutine") {
		t.Errorf("%v\n%s", err, res.Summary())
	}
	if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v2"}), a); err != nil {
		t.Error(err)
	}
}

// TestRunLeavesStubbornApply checks that Run does not wait for a function that ignores its context,
// and that the next Run calls the function only after the first call has returned.
func TestRunLeavesStubbornApply(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	write(t, connect(t, rdb, redisack.Config{}), redisack.Change{Version: "v1"})
	var calls atomic.Int32
	leave, entered := make(chan struct{}), make(chan struct{}, 2)
	a, err := agent.New(rdb, "k", func(context.Context, agent.Update) error {
		entered <- struct{}{}
		if calls.Add(1) == 1 {
			<-leave
			return errors.New("too late")
		}
		return nil
	}, agent.Config{Instance: "a"})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, a)
	<-entered
	stop()
	if s := statusOf(t, a); s.Attempted.State != "failed" {
		t.Errorf("%+v", s.Attempted)
	}
	run(t, a)
	eventually(t, "the wait for the first call", func() bool {
		return strings.Contains(statusOf(t, a).Attempted.Error, "has not returned")
	})
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls at once", n)
	}
	close(leave)
	eventually(t, "applied", func() bool { v, _ := a.Applied(); return v == "v1" })
}

// TestRunLeavesFrozenServer checks that Run returns within 50 ms after its context ends, even if
// the server is frozen from the start or during a read on the timer.
func TestRunLeavesFrozenServer(t *testing.T) {
	t.Parallel()
	const fair = 50 * time.Millisecond
	for _, sharded := range []bool{false, true} {
		server := redistest.Start(t)
		rdb := server.Client()
		write(t, connect(t, rdb, redisack.Config{}), redisack.Change{Version: "v1"})
		for _, phase := range []string{"from the start", "on the timer"} {
			late := redistest.Lateness(fair, func() time.Duration {
				a, err := agent.New(rdb, "k", accept, agent.Config{Instance: "a", Sharded: sharded, Push: true, Resync: 5 * time.Millisecond})
				if err != nil {
					t.Fatal(err)
				}
				return leavesFrozen(t, a, server, phase)
			})
			if late > fair {
				t.Errorf("sharded %v, frozen %s: returned after %v", sharded, phase, late)
			}
		}
	}
}

// leavesFrozen runs an agent, freezes its server in a phase of the run, cancels the run, and
// returns how long Run went on after that.
func leavesFrozen(t *testing.T, a *agent.Agent, server *redistest.Server, phase string) time.Duration {
	t.Helper()
	if phase == "from the start" {
		server.Freeze()
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	if phase == "on the timer" {
		eventually(t, "applied", func() bool { v, _ := a.Applied(); return v == "v1" })
		server.Freeze()
	}
	<-time.After(100 * time.Millisecond) // by now some call is under way
	began := time.Now()
	cancel()
	err := <-done
	late := time.Since(began)
	server.Thaw()
	if err != nil {
		t.Errorf("frozen %s: %v", phase, err)
	}
	return late
}

// TestSilentSubscription checks that the agent subscribes again if the timer finds a write that an
// open subscription did not announce.
func TestSilentSubscription(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	c := connect(t, rdb, redisack.Config{})
	a := started(t, rdb, accept, agent.Config{Channel: "elsewhere", Resync: 20 * time.Millisecond})
	subscriber := func() string {
		list := rdb.Do(t.Context(), "CLIENT", "LIST", "TYPE", "PUBSUB").String()
		_, id, _ := strings.Cut(list, "id=")
		id, _, _ = strings.Cut(id, " ")
		return id
	}
	if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v1"}), a); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a subscription", func() bool { return subscriber() != "" })
	first := subscriber()
	writes := 1
	eventually(t, "another subscription", func() bool {
		// The server may list a subscription before the agent knows that it is open. A write in
		// between proves nothing.
		writes++
		if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: fmt.Sprintf("v%d", writes)}), a); err != nil {
			t.Fatal(err)
		}
		id := subscriber()
		return id != "" && id != first
	})
}
