package redisstore

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// TestClockSetBack: after the server's clock is set back, plans are due at once, and not only when
// the clock has returned to its earlier reading.
func TestClockSetBack(t *testing.T) {
	t.Parallel()
	client, mini := redistest.MiniServer(t)
	now := time.Unix(1_795_443_213, 0)
	mini.SetTime(now)
	s := openStore(t, client, Config{})
	const plans = 3
	for range plans {
		start(t, s, 1, 1)
	}
	due := func() []store.DuePlan {
		t.Helper()
		list, err := s.Due(t.Context(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	rest := func() {
		t.Helper()
		for _, p := range due() {
			if err := s.Reschedule(t.Context(), p.ID, p.Stamp, store.Next{After: time.Minute}); err != nil {
				t.Fatal(err)
			}
		}
		if list := due(); len(list) != 0 {
			t.Fatalf("due are %v, but all rest", list)
		}
	}
	rest()
	now = now.Add(-time.Hour)
	mini.SetTime(now)
	if list := due(); len(list) != plans {
		t.Errorf("due are %v, want all", list)
	}
	rest()
	mini.SetTime(now.Add(time.Minute))
	if list := due(); len(list) != plans {
		t.Errorf("a minute later, due are %v, want all", list)
	}
}

// TestLostAmongThoseLeft: a plan that is left to an executor, and has lost its entry there or
// elsewhere, is found again, and leaves nothing behind.
func TestLostAmongThoseLeft(t *testing.T) {
	t.Parallel()
	client, mini := redistest.MiniServer(t)
	now := time.Unix(1_795_443_213, 0)
	mini.SetTime(now)
	s := openStore(t, client, Config{})
	r, other := start(t, s, 1, 1), start(t, s, 1, 1)
	mini.SetTime(now.Add(2 * writeHold)) // however long the test takes, no hold ends in it
	due := func(executors ...string) (ids []plan.ID) {
		t.Helper()
		list, err := s.Due(r.ctx, executors, 0)
		r.ok(err)
		for _, p := range list {
			ids = append(ids, p.ID)
		}
		slices.Sort(ids)
		return ids
	}
	leave := func(next store.Next) {
		t.Helper()
		list, err := s.Due(r.ctx, []string{"X"}, 0)
		r.ok(err)
		for _, p := range list {
			r.ok(s.Reschedule(r.ctx, p.ID, p.Stamp, next))
		}
	}
	both := []plan.ID{r.id, other.id}
	for what, lose := range map[string]func(){
		"the key":       func() { client.Del(r.ctx, s.keys.left("X")) },
		"an entry":      func() { client.ZRem(r.ctx, s.keys.left("X"), int64(r.id)) },
		"a stamp":       func() { client.HDel(r.ctx, s.keys.stamps(), fmt.Sprint(r.id)) },
		"all stamps":    func() { client.Del(r.ctx, s.keys.stamps()) },
		"the agenda":    func() { client.Del(r.ctx, s.keys.agenda()) },
		"agenda, stamp": func() { client.Del(r.ctx, s.keys.agenda(), s.keys.stamps()) },
	} {
		leave(store.Next{After: time.Hour, Executor: "X"})
		if got := due("X"); !slices.Equal(got, both) || len(due()) > 0 {
			t.Fatalf("left are %v, due for all %v", got, due())
		}
		lose()
		client.HDel(r.ctx, s.keys.stamps(), "sweep") // so that the next Due sweeps
		due("X")
		if got := due("X"); !slices.Equal(got, both) {
			t.Errorf("without %s, due are %v", what, got)
		}
		leave(store.Next{After: time.Hour})
		if got := due("X"); len(got) > 0 || client.Exists(r.ctx, s.keys.left("X")).Val() != 0 {
			t.Errorf("without %s, %v stay due for the executor", what, got)
		}
		r.ok(s.Remind(r.ctx, map[plan.ID]time.Duration{r.id: 0, other.id: 0}))
	}
}

// counter counts the commands of a client by their names.
type counter struct{ hmget, all atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.add(cmd)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.add(cmds...)
		return next(ctx, cmds)
	}
}

func (c *counter) add(cmds ...redis.Cmder) {
	for _, cmd := range cmds {
		c.all.Add(1)
		if cmd.Name() == "hmget" {
			c.hmget.Add(1)
		}
	}
}

// TestSweepSlowsDown: the search for lost entries slows down when a whole round has found nothing,
// and is quick again after it has found something, after a fault, and in a process that starts.
func TestSweepSlowsDown(t *testing.T) {
	t.Parallel()
	client, mini := redistest.MiniServer(t)
	now := time.Unix(1_795_443_213, 0)
	mini.SetTime(now)
	var sent counter
	client.AddHook(&sent)
	s := openStore(t, client, Config{})
	const plans = 50
	for range plans {
		start(t, s, 1, 1)
	}
	list, err := s.Due(t.Context(), nil, 0)
	if err != nil || len(list) != plans {
		t.Fatalf("due are %d, %v", len(list), err)
	}
	for _, p := range list {
		if err := s.Reschedule(t.Context(), p.ID, p.Stamp, store.Next{After: time.Hour, Executor: "EXECUTOR"}); err != nil {
			t.Fatal(err)
		}
	}
	// polls returns how many plans the polls of some time look at.
	polls := func(s *Store, d time.Duration) int64 {
		t.Helper()
		before := sent.hmget.Load()
		for end := now.Add(d); now.Before(end); {
			now = now.Add(5 * time.Second)
			mini.SetTime(now)
			if _, err := s.Due(t.Context(), nil, 0); err != nil {
				t.Fatal(err)
			}
		}
		return sent.hmget.Load() - before
	}
	const round, minutes = 4 * sweepGap, 6 // a round has three ranges, and what is left of the gap before
	rates := func(what string, s *Store) {
		t.Helper()
		if n := polls(s, round); n < plans {
			t.Errorf("%s: %d plans were looked at in a round", what, n)
		}
		polls(s, round)
		if n := polls(s, minutes*time.Minute); n < minutes*10 || n > (minutes+1)*sweepShare {
			t.Errorf("%s: %d plans were looked at in %d minutes after it", what, n, minutes)
		}
	}
	rates("new", s)
	client.ZRem(t.Context(), s.keys.left("EXECUTOR"), 7)
	if n := polls(s, 4*sweepSlow); n <= 5*sweepShare {
		t.Errorf("%d plans were looked at around a loss", n)
	}
	if list, err := s.Due(t.Context(), []string{"EXECUTOR"}, 0); err != nil || len(list) != plans {
		t.Fatalf("due are %d, %v", len(list), err)
	}
	rates("another process", openStore(t, client, Config{}))
	mini.SetError("LOADING it")
	if _, err := s.Due(t.Context(), nil, 0); err == nil {
		t.Fatal("there is no fault")
	}
	mini.SetError("")
	rates("after a fault", s)
}
