package redisconfig_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/gateway/redisconfig"
	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/task"
)

func TestMain(m *testing.M) {
	abreast.Tests(4)
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}

const (
	tenantID = "tenant1"
	key      = "route:{tenant1}"
	// short is the timeout of runs that must time out after the write and an answer from each
	// client, even on a busy machine. patient is the timeout of all other runs.
	short   = 1500 * time.Millisecond
	patient = 20 * time.Second
)

// lab is a gateway with two clients of one tenant, which run green.
type lab struct {
	*redisconfig.Gateway
	rdb     redis.UniversalClient // not affected by faults of the gateway's client
	hooked  redis.UniversalClient // the gateway's client, set by hook
	config  redisconfig.Config
	clients []*client
}

// client is a process that routes the tenant: an agent behind an HTTP server. The client calls the
// function blue to apply the colour blue; if blue is nil, it applies the colour successfully.
type client struct {
	blue  atomic.Pointer[agent.ApplyFunc]
	mute  atomic.Bool // answers 503
	runs  atomic.Value
	tries atomic.Int32 // how often the client was asked to apply blue
}

func (c *client) apply(ctx context.Context, u agent.Update) error {
	colour := "green"
	if strings.Contains(string(u.Payload), `"blue"`) {
		colour = "blue"
		c.tries.Add(1)
		if f := c.blue.Load(); f != nil {
			if err := (*f)(ctx, u); err != nil {
				return err
			}
		}
	}
	c.runs.Store(colour)
	return nil
}

// onBlue sets the function with which the client applies the colour blue; nil means that it
// succeeds.
func (c *client) onBlue(f agent.ApplyFunc) {
	if f == nil {
		c.blue.Store(nil)
		return
	}
	c.blue.Store(&f)
}

func rejects(context.Context, agent.Update) error { return errors.New("no upstream for blue") }

func notYet(context.Context, agent.Update) error {
	return agent.Retry(errors.New("blue is not up yet"))
}

// serve runs a client of the tenant until the test ends and returns its URL.
func (c *client) serve(t *testing.T, rdb redis.UniversalClient, id string) string {
	t.Helper()
	a, err := agent.New(rdb, key, c.apply, agent.Config{Instance: id, Resync: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.mute.Load() {
			http.Error(w, "starting", http.StatusServiceUnavailable)
			return
		}
		a.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		server.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the client: %v", err)
		}
	})
	return server.URL
}

// newLab returns a lab whose gateway and clients use rdb.
func newLab(t *testing.T, rdb redis.UniversalClient) *lab {
	t.Helper()
	l := &lab{rdb: rdb}
	var fleet []redisack.Endpoint
	for _, id := range []string{"gw-1", "gw-2"} {
		c := &client{}
		fleet = append(fleet, redisack.Endpoint{ID: id, URL: c.serve(t, rdb, id)})
		l.clients = append(l.clients, c)
	}
	prober, err := httpprobe.New(httpprobe.Config{AllowLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	l.config = redisconfig.Config{Check: redisack.Check{
		Fleet: redisack.Static(fleet...), Prober: prober,
		Policy: redisack.Policy{
			Timeout: patient, StartDelay: time.Nanosecond, Interval: redisack.Interval{Base: 5 * time.Millisecond},
		},
	}}
	l.restart(t, rdb, patient)
	if err := l.Place(t.Context(), tenantID, "green"); err != nil {
		t.Fatal(err)
	}
	return l
}

// restart replaces the gateway with a new one, as in a new process, whose runs have the given
// timeout.
func (l *lab) restart(t *testing.T, rdb redis.UniversalClient, timeout time.Duration) {
	t.Helper()
	l.config.Check.Policy.Timeout = timeout
	var err error
	if l.Gateway, err = redisconfig.New(rdb, l.config); err != nil {
		t.Fatal(err)
	}
}

// wantRuns checks that all clients run colour.
func (l *lab) wantRuns(t *testing.T, colour string) {
	t.Helper()
	for i, c := range l.clients {
		if got := c.runs.Load(); got != colour {
			t.Errorf("client %d runs %v, want %s", i, got, colour)
		}
	}
}

// wantCurrent checks that the gateway reports colour.
func (l *lab) wantCurrent(t *testing.T, colour string) {
	t.Helper()
	if got, err := l.Current(t.Context(), tenantID); got != colour || err != nil {
		t.Errorf("the tenant is at %q, %v; want %s", got, err, colour)
	}
}

// rev returns the revision of the route, which is the number of writes.
func (l *lab) rev(t *testing.T) int {
	t.Helper()
	n, err := l.rdb.HGet(t.Context(), key+":head", "rev").Int()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// write writes a route without the gateway.
func (l *lab) write(t *testing.T, colour, fence string) {
	t.Helper()
	l.writeVersion(t, colour, colour+"@other", fence)
}

func (l *lab) writeVersion(t *testing.T, colour, version, fence string) {
	t.Helper()
	_, err := connect(t, l.rdb, redisack.Config{}).Write(t.Context(), redisack.Change{
		Key: key, Version: version, Payload: []byte(`{"colour":"` + colour + `"}`), Fence: fence,
	})
	if err != nil {
		t.Error(err)
	}
}

func toBlue(token task.Token) bluegreen.Change {
	return bluegreen.Change{TenantID: tenantID, From: "green", To: "blue", Token: token, Key: "1000001/SWITCH_GATEWAY"}
}

func toGreen(token task.Token) bluegreen.Change {
	return bluegreen.Change{TenantID: tenantID, From: "blue", To: "green", Token: token, Key: "1000001/UNDO_SWITCH_GATEWAY"}
}

// wantFailure checks code and retryability; no code means no failure.
func wantFailure(t *testing.T, err error, code string, retryable bool) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatalf("failed: %v", err)
		}
		return
	}
	if err == nil {
		t.Fatalf("no failure, want %s", code)
	}
	info := executor.FailureOf(err, time.Time{}, 1, "")
	if info.ErrorCode != code || info.Retryable != retryable {
		t.Errorf("failed with %+v, want %s, retryable %t", info, code, retryable)
	}
	if len(info.Reason) > 450 || strings.Contains(info.Reason, "\n") {
		t.Errorf("the reason is long: %q", info.Reason)
	}
}

// onBoth runs a test on miniredis and on a real server.
func onBoth(t *testing.T, test func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Mini(t))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, redistest.Start(t).Client())
	})
}

// eventually waits until ok returns true, at most 10 s.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited too long for: %s", what)
		}
	}
}

func onMini(t *testing.T) redis.UniversalClient {
	t.Helper()
	return redistest.Mini(t)
}

// connect returns a redisack client over rdb.
func connect(t testing.TB, rdb redis.UniversalClient, cfg redisack.Config) *redisack.Client {
	t.Helper()
	c, err := redisack.New(rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
