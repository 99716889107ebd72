package agent_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// TestShutdownWhileApplying checks that a shutdown during the apply function is reported as a
// failure and not acknowledged as a rejection, and that a second Run returns ErrRunning.
func TestShutdownWhileApplying(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	write(t, c, redisack.Change{Version: "v1"})
	entered := make(chan struct{})
	a, err := agent.New(rdb, "k", func(ctx context.Context, _ agent.Update) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}, agent.Config{Instance: "a", Push: true})
	if err != nil {
		t.Fatal(err)
	}
	stop := run(t, a)
	<-entered
	if err := a.Run(t.Context()); !errors.Is(err, agent.ErrRunning) {
		t.Errorf("a second Run: %v", err)
	}
	stop()
	if s := statusOf(t, a); s.Attempted.State != "failed" {
		t.Errorf("%+v", s.Attempted)
	}
	if n := rdb.XLen(t.Context(), "{k}:acks").Val(); n != 0 {
		t.Errorf("%d acknowledgements", n)
	}
}

func TestApplyTimeout(t *testing.T) {
	t.Parallel()
	rdb := redistest.Mini(t)
	c := connect(t, rdb, redisack.Config{})
	write(t, c, redisack.Change{Version: "v1"})
	a := started(t, rdb, func(ctx context.Context, _ agent.Update) error {
		<-ctx.Done()
		return ctx.Err()
	}, agent.Config{ApplyTimeout: 10 * time.Millisecond})
	eventually(t, "a rejection", func() bool { s := statusOf(t, a); return s.Attempted != nil && s.Attempted.State == "rejected" })
}

func TestNewNamesEveryFault(t *testing.T) {
	t.Parallel()
	var none *redis.Client
	_, err := agent.New(none, "a}b", nil, agent.Config{
		Instance: "a", Field: "{f}", Sharded: true, Channel: "elsewhere", MaxAcks: -1, Resync: -1,
	})
	var invalid *agent.InvalidError
	if !errors.Is(err, agent.ErrInvalid) || !errors.As(err, &invalid) || len(invalid.Faults) < 2 {
		t.Fatal(err)
	}
	for _, fault := range []string{"rdb", "{tag}", "apply", "Config.Field", "Channel", "MaxAcks", "Resync"} {
		if !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not name %s", err, fault)
		}
	}
}

func TestMethods(t *testing.T) {
	t.Parallel()
	a, err := agent.New(redistest.Mini(t), "k", accept, agent.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for method, want := range map[string]int{http.MethodGet: 200, http.MethodHead: 200, http.MethodPost: 405} {
		w := httptest.NewRecorder()
		a.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, "/", nil))
		if w.Code != want {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}
