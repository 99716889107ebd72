//go:build crash

package crash

import (
	"errors"
	"testing"
	"time"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// refusals returns the rows about a server that answers but refuses commands.
func refusals() []row {
	return append(everyWay(func(w way) []row {
		return []row{
			{
				name: "rights taken and given back", extent: short, do: rightsTaken(w, 1),
				expect: "no call is carried out by halves, and told; no task fails",
			},
			{
				name: "rights taken and given back, ten times", extent: long, do: rightsTaken(w, 10),
				expect: "no call is carried out by halves, and told; no task fails",
			},
		}
	}), row{
		name: "a full server, and retention", extent: long, do: fullWithRetention,
		expect: "a plan that was over is removed all the same; the other completes when there is room",
	})
}

// fullWithRetention makes the server refuse every write that needs memory while workers run one
// plan and the retention of another plan ends.
func fullWithRetention(t *testing.T) *site {
	t.Helper()
	s, server := alone(t)
	old := s.beginOther("old", 20, 8)
	mover := s.worker("mover", func(o *orders) { o.Pace = time.Millisecond })
	s.finishPlan(old)
	mover.stop()
	s.busy(60)
	s.fill(server)
	janitor := s.worker("janitor", func(o *orders) { o.Retention = time.Second })
	// Every plan is kept for at least a minute, even if Retention is shorter.
	s.awaitFor(time.Minute+timeout, "the old plan to be removed", func() bool {
		_, err := s.store.Plan(t.Context(), old)
		return errors.Is(err, store.ErrNotFound)
	})
	if p, err := s.store.Plan(t.Context(), s.plan); err != nil || p.State != plan.Running {
		t.Errorf("the plan at work is %s, %v", p.State, err)
	}
	janitor.kill() // it would next remove the plan that the test checks below
	time.Sleep(2 * lease)
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
func rightsTaken(w way, times int) func(*testing.T) *site {
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
		s.way = w
		s.defs.Target.User = "worker"
		s.busy(400 * times)
		for range times {
			for _, right := range rights() {
				user("-" + right)
				time.Sleep(150 * time.Millisecond)
				user("+" + right)
				time.Sleep(50 * time.Millisecond)
			}
		}
		if s.count("", fault) == 0 {
			t.Error("no worker has told that it may not do what it needs")
		}
		return s.complete()
	}
}
