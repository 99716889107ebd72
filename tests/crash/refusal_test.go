//go:build crash

package crash

import (
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// refusals returns the rows about a server that answers but refuses commands.
func refusals() []row {
	return append(crashtest.EveryWay(func(w crashtest.Way) []row {
		return []row{
			{
				Name: "rights taken and given back", Extent: crashtest.Short, Do: rightsTaken(w, 1),
				Expect: "no call is carried out by halves, and told; no task fails",
			},
			{
				Name: "rights taken and given back, ten times", Extent: crashtest.Long, Do: rightsTaken(w, 10),
				Expect: "no call is carried out by halves, and told; no task fails",
			},
		}
	}), row{
		Name: "a full server, and retention", Extent: crashtest.Long, Do: fullWithRetention,
		Expect: "a plan that was over is removed all the same; the other completes when there is room",
	})
}

// fullWithRetention makes the server refuse every write that needs memory while workers run one
// plan and the retention of another plan ends.
func fullWithRetention(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	old := s.BeginOther("old", 20, 8)
	mover := s.worker("mover", func(o *orders) { o.Pace = time.Millisecond })
	s.FinishPlan(old)
	mover.Stop()
	s.Busy(60)
	s.fill(server)
	janitor := s.worker("janitor", func(o *orders) { o.Retention = time.Second })
	// Every plan is kept for at least a minute, even if Retention is shorter.
	s.AwaitFor(time.Minute+crashtest.Timeout, "the old plan to be removed", func() bool {
		_, err := s.Store.Plan(t.Context(), old)
		return errors.Is(err, store.ErrNotFound)
	})
	if p, err := s.Store.Plan(t.Context(), s.Plan); err != nil || p.State != plan.Running {
		t.Errorf("the plan at work is %s, %v", p.State, err)
	}
	janitor.Kill() // it would next remove the plan that the test checks below
	time.Sleep(2 * crashtest.Lease)
	s.empty(server)
	return s.complete()
}

// fill makes the server refuse every write that needs memory; empty ends that.
func (s *site) fill(server *redistest.Server) {
	s.Helper()
	s.configure(server, "maxmemory-policy", "noeviction")
	s.configure(server, "maxmemory", "1")
}

func (s *site) empty(server *redistest.Server) { s.Helper(); s.configure(server, "maxmemory", "0") }

func (s *site) configure(server *redistest.Server, name, value string) {
	s.Helper()
	if err := server.Client().ConfigSet(s.Context(), name, value).Err(); err != nil {
		s.Fatal(err)
	}
}

// rights returns the Redis commands that the calls of the store use.
func rights() []string {
	return []string{
		"del", "eval", "evalsha", "evalsha_ro", "exists", "get", "hdel", "hexists", "hget", "hlen", "hmget", "hscan", "hset",
		"incrby", "lpos", "lpush", "lrange", "lset", "ltrim", "mget", "msetnx", "pexpire", "publish", "rpush", "set", "subscribe", "time",
		"type", "unlink", "xadd", "xrange", "xtrim", "zadd", "zcard", "zcount", "zrange", "zrangebyscore", "zrem", "zscore",
	}
}

// rightsTaken revokes each right in turn, for a short time, from the workers' user.
func rightsTaken(w crashtest.Way, times int) func(*testing.T) *site {
	return func(t *testing.T) *site {
		t.Helper()
		s, server := alone(t)
		user := func(rules ...any) {
			t.Helper()
			command := append([]any{"ACL", "SETUSER", "worker"}, rules...)
			if err := server.Client().Do(t.Context(), command...).Err(); err != nil {
				t.Fatal(err)
			}
		}
		user("on", ">"+userPassword, "~*", "&*", "+@all")
		s.Way = w
		s.own.Target.User = "worker"
		s.Busy(400 * times)
		for range times {
			for _, right := range rights() {
				user("-" + right)
				time.Sleep(150 * time.Millisecond)
				user("+" + right)
				time.Sleep(50 * time.Millisecond)
			}
		}
		if s.Count("", crashtest.Fault) == 0 {
			t.Error("no worker has told that it may not do what it needs")
		}
		return s.complete()
	}
}
