package redisbackend

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/renewal/internal/backend"
)

// TestCauseOfSilence: the error of a key that a server did not answer says why.
func TestCauseOfSilence(t *testing.T) {
	t.Parallel()
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() })
	checkSilence(t, New(rdb, Options{CallTimeout: slack}).Sole(), syscall.ECONNREFUSED)
}

// TestSilenceAfterAnUnknownScript: a server that does not know a script and then answers
// nothing is silent: what it said of the script is not its answer.
func TestSilenceAfterAnUnknownScript(t *testing.T) {
	t.Parallel()
	lost := errors.New("the connection is lost")
	rdb := redistest.Start(t).Client()
	rdb.AddHook(&oneAnswer{then: lost})
	// Refresh would give a plain client another timeout, and go-redis v9.23.0 drops its hooks then.
	checkSilence(t, New(struct{ redis.UniversalClient }{rdb}, Options{CallTimeout: slack}).Sole(), lost)
}

func checkSilence(t *testing.T, n backend.Node, want error) {
	t.Helper()
	key, owner := "k", "me"
	reqs := []backend.Request{{Key: &key, TTL: 1000, Owner: &owner}}
	n.Refresh(t.Context(), slack, reqs)
	if r := reqs[0]; r.Answer != backend.Silent || !errors.Is(r.Err, want) {
		t.Errorf("answer %d, %v; want silence because of %v", r.Answer, r.Err, want)
	}
}

// oneAnswer is a hook that lets one pipeline pass.
type oneAnswer struct {
	then   error
	passed bool
}

func (*oneAnswer) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (*oneAnswer) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (o *oneAnswer) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if len(cmds) == 0 || cmds[0].Name() == "hello" || cmds[0].Name() == "client" {
			return next(ctx, cmds)
		}
		if o.passed {
			return fmt.Errorf("pipeline: %w", o.then)
		}
		o.passed = true
		return next(ctx, cmds)
	}
}
