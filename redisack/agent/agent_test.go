package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
	"github.com/cutover-go/cutover/redisack/httpprobe"
)

func TestMain(m *testing.M) {
	abreast.Tests(4)
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

// started runs an agent until the test ends.
func started(t *testing.T, rdb redis.UniversalClient, apply agent.ApplyFunc, cfg agent.Config) *agent.Agent {
	t.Helper()
	if cfg.Instance == "" {
		cfg.Instance = "a"
	}
	a, err := agent.New(rdb, "k", apply, cfg)
	if err != nil {
		t.Fatal(err)
	}
	run(t, a)
	return a
}

func run(t *testing.T, a *agent.Agent) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

func accept(context.Context, agent.Update) error { return nil }

func write(t *testing.T, c *redisack.Client, ch redisack.Change) redisack.Target {
	t.Helper()
	ch.Key = "k"
	target, err := c.Write(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// confirmed serves the status of the agents over HTTP and confirms the target with them.
func confirmed(t *testing.T, c *redisack.Client, target redisack.Target, agents ...*agent.Agent) (*redisack.AckResult, error) {
	t.Helper()
	var urls []string
	for _, a := range agents {
		server := httptest.NewServer(a)
		defer server.Close()
		urls = append(urls, server.URL)
	}
	prober, err := httpprobe.New(httpprobe.Config{AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	return c.Confirm(t.Context(), target, redisack.Check{
		Fleet: redisack.URLs(urls...), Prober: prober,
		Policy: redisack.Policy{Timeout: 15 * time.Second, Interval: redisack.Interval{Base: 10 * time.Millisecond}},
	})
}

type slot struct {
	Rev, Version, State, Error string
}

type statusBody struct {
	Instance, Boot     string
	Applied, Attempted *slot
}

func statusOf(t *testing.T, a *agent.Agent) statusBody {
	t.Helper()
	w := httptest.NewRecorder()
	a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/status", nil))
	var s statusBody
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return s
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for: %s", what)
		}
	}
}

// TestEndToEnd runs writer and agents together, on one server and on a cluster, with plain and
// sharded channels, with a string and with a field.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	settings := []struct {
		name    string
		sharded bool
		field   string
	}{{"plain", false, ""}, {"sharded", true, ""}, {"field", false, "f"}}
	backends := map[string]func(*testing.T) redis.UniversalClient{
		"single":  func(t *testing.T) redis.UniversalClient { t.Helper(); return redistest.Start(t).Client() },
		"cluster": func(t *testing.T) redis.UniversalClient { t.Helper(); return redistest.StartCluster(t, 3, 0).Client() },
	}
	for name, backend := range backends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := backend(t)
			for _, s := range settings {
				t.Run(s.name, func(t *testing.T) {
					if err := rdb.Del(t.Context(), "k", "{k}:head", "{k}:head:f", "{k}:prev").Err(); err != nil {
						t.Fatal(err)
					}
					var got [2]atomic.Value
					var agents []*agent.Agent
					for i, id := range []string{"a", "b"} {
						agents = append(agents, started(t, rdb, func(_ context.Context, u agent.Update) error {
							got[i].Store(string(u.Payload))
							return nil
						}, agent.Config{Instance: id, Sharded: s.sharded, Field: s.field, Push: true}))
					}
					c := connect(t, rdb, redisack.Config{Sharded: s.sharded})
					for _, version := range []string{"v1", "v2"} {
						target := write(t, c, redisack.Change{Version: version, Field: s.field, Payload: []byte("content of " + version)})
						res, err := confirmed(t, c, target, agents...)
						if err != nil {
							t.Fatalf("%v\n%s", err, res.Summary())
						}
						for i := range got {
							if got[i].Load() != "content of "+version {
								t.Errorf("agent %d got %v", i, got[i].Load())
							}
						}
						res, err = c.Confirm(t.Context(), target, redisack.Check{
							Fleet: redisack.Static(redisack.Endpoint{ID: "a"}, redisack.Endpoint{ID: "b"}), Push: true,
							Policy: redisack.Policy{Timeout: 10 * time.Second},
						})
						if err != nil || res.Attempts != 0 {
							t.Fatalf("pushed: %v\n%s", err, res.Summary())
						}
					}
				})
			}
		})
	}
}

// TestAppliedAfterTheFunction checks that a write is reported as applied only after the host's
// function has returned.
func TestAppliedAfterTheFunction(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	entered, leave := make(chan struct{}), make(chan struct{})
	a := started(t, rdb, func(context.Context, agent.Update) error {
		close(entered)
		<-leave
		return nil
	}, agent.Config{})
	write(t, c, redisack.Change{Version: "v1"})
	<-entered
	if s := statusOf(t, a); s.Applied != nil || s.Attempted == nil || s.Attempted.State != "applying" {
		t.Errorf("while the function runs: %+v", s)
	}
	close(leave)
	eventually(t, "applied", func() bool { s := statusOf(t, a); return s.Applied != nil && s.Attempted.State == "applied" })
	if version, rev := a.Applied(); version != "v1" || rev != 1 {
		t.Errorf("applied %s, %d", version, rev)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		apply  agent.ApplyFunc
		reason redisack.Reason
		text   string
	}{
		"error": {func(context.Context, agent.Update) error { return errors.New("bad\nroute") }, redisack.ReasonRejected, "bad route"},
		"panic": {func(context.Context, agent.Update) error { panic("boom") }, redisack.ReasonRejected, "panic: boom"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rdb := redistest.Mini(t)
			c := connect(t, rdb, redisack.Config{})
			var calls atomic.Int32
			a := started(t, rdb, func(ctx context.Context, u agent.Update) error {
				if u.Version == "v1" || calls.Add(1) > 1 {
					return nil
				}
				return tc.apply(ctx, u)
			}, agent.Config{Push: true, Resync: 20 * time.Millisecond})
			first := write(t, c, redisack.Change{Version: "v1"})
			if _, err := confirmed(t, c, first, a); err != nil {
				t.Fatal(err)
			}
			target := write(t, c, redisack.Change{Version: "v2"})
			res, err := confirmed(t, c, target, a)
			if !errors.Is(err, redisack.ErrRejected) || !strings.Contains(res.Endpoints[0].Err, tc.text) {
				t.Fatalf("%v\n%s", err, res.Summary())
			}
			res, err = c.Confirm(t.Context(), target, redisack.Check{
				Fleet: redisack.Static(redisack.Endpoint{ID: "a"}), Push: true, Policy: redisack.Policy{Timeout: 10 * time.Second},
			})
			if !errors.Is(err, redisack.ErrRejected) {
				t.Fatalf("pushed: %v\n%s", err, res.Summary())
			}
			if s := statusOf(t, a); s.Applied == nil || s.Applied.Version != "v1" {
				t.Errorf("runs %+v", s.Applied)
			}
			if calls.Load() != 1 {
				t.Errorf("the refused revision was tried %d times", calls.Load())
			}
			// Writing the same content again changes nothing. With Rewrite it is a new write, which
			// is applied.
			if again := write(t, c, redisack.Change{Version: "v2"}); again.Outcome != redisack.OutcomeUnchanged {
				t.Errorf("%+v", again)
			}
			if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v2", Rewrite: true}), a); err != nil {
				t.Errorf("rewritten: %v", err)
			}
		})
	}
}

// TestRetry checks that a temporary failure is retried and is not reported as a rejection.
func TestRetry(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	var calls atomic.Int32
	a := started(t, rdb, func(context.Context, agent.Update) error {
		if calls.Add(1) < 3 {
			return agent.Retry(errors.New("port is taken"))
		}
		return nil
	}, agent.Config{})
	if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v1"}), a); err != nil || calls.Load() != 3 {
		t.Errorf("%v after %d calls", err, calls.Load())
	}
	if agent.Retry(nil) != nil {
		t.Error("Retry(nil) is an error")
	}
}

// TestResync checks that the timer finds a change that was not announced.
func TestResync(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	a := started(t, rdb, accept, agent.Config{Channel: "nobody:writes:here", Resync: 20 * time.Millisecond})
	for _, version := range []string{"v1", "v2"} {
		if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: version}), a); err != nil {
			t.Error(err)
		}
	}
}

// TestReconnect checks that after its subscription breaks, the agent subscribes again and reads the
// write that it has missed.
func TestReconnect(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	opt := server.Options()
	opt.Addr = proxy.Addr()
	behind := redis.NewClient(opt)
	t.Cleanup(func() { _ = behind.Close() })
	c := connect(t, server.Client(), redisack.Config{})
	a := started(t, behind, accept, agent.Config{Resync: time.Hour})
	if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v1"}), a); err != nil {
		t.Fatal(err)
	}
	proxy.Refuse(true)
	proxy.Cut()
	target := write(t, c, redisack.Change{Version: "v2"})
	proxy.Refuse(false)
	if _, err := confirmed(t, c, target, a); err != nil {
		t.Error(err)
	}
}

// TestRevisionWentBack checks that the current write is applied even if its revision is lower than
// before, as after a failover.
func TestRevisionWentBack(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	a := started(t, rdb, accept, agent.Config{})
	for _, version := range []string{"v1", "v2", "v3"} {
		write(t, c, redisack.Change{Version: version})
	}
	if err := rdb.Del(t.Context(), "k", "{k}:head", "{k}:prev").Err(); err != nil {
		t.Fatal(err)
	}
	if _, err := confirmed(t, c, write(t, c, redisack.Change{Version: "v4"}), a); err != nil {
		t.Error(err)
	}
}

// TestForeignPayload checks that a payload that is missing, or whose digest differs from the one in
// the head, is not applied but reported as failed.
func TestForeignPayload(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	write(t, c, redisack.Change{Version: "v1", Payload: []byte("good")})
	for problem, spoil := range map[string]func() error{
		"digest":  func() error { return rdb.Set(t.Context(), "k", "by hand", 0).Err() },
		"missing": func() error { return rdb.Del(t.Context(), "k").Err() },
	} {
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		a, err := agent.New(rdb, "k", func(context.Context, agent.Update) error {
			t.Error("applied")
			return nil
		}, agent.Config{Instance: "a"})
		if err != nil {
			t.Fatal(err)
		}
		stop := run(t, a)
		eventually(t, "a failed attempt", func() bool {
			s := statusOf(t, a)
			return s.Attempted != nil && s.Attempted.State == "failed" && strings.Contains(s.Attempted.Error, problem)
		})
		stop()
	}
}

// connect returns a client over rdb.
func connect(t testing.TB, rdb redis.UniversalClient, cfg redisack.Config) *redisack.Client {
	t.Helper()
	c, err := redisack.New(rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
