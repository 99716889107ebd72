package redisstore

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// harness makes stores that share one client, each with its own prefix.
func harness(rdb redis.UniversalClient) storetest.Harness {
	var made atomic.Int64
	return harnessOf(func(t testing.TB, cfg Config) store.Store {
		t.Helper()
		cfg.Prefix = fmt.Sprintf("s%d:", made.Add(1))
		return openStore(t, rdb, cfg)
	})
}

func harnessOf(open func(testing.TB, Config) store.Store) storetest.Harness {
	return storetest.Harness{
		Skew: skew,
		New: func(t testing.TB) store.Store {
			t.Helper()
			return open(t, Config{})
		},
		NewTrimming: func(t testing.TB, keep int) store.Store {
			t.Helper()
			return open(t, Config{MaxEvents: keep})
		},
	}
}

// skew makes the scripts of one store read a clock that differs from the server's by a duration.
func skew(t testing.TB, of store.Store, by time.Duration) {
	t.Helper()
	s := of.(*Store)
	all, err := loadScripts(false)
	if err != nil {
		t.Fatal(err)
	}
	const read = "local clock = redis.call('TIME')\n"
	for _, sc := range []*script{all.begin, all.tenants, all.finish, all.remove, all.save, all.commit, all.apply, all.plan, all.tokens} {
		if !strings.Contains(sc.text, read) {
			t.Fatalf("script %s reads no clock", sc.name)
		}
		own := *sc.code // the code of the other stores stays unchanged
		own.text = strings.ReplaceAll(own.text, read, fmt.Sprintf("%sclock[1] = format('%%d', clock[1] + %d)\n", read, int(by.Seconds())))
		own.sha = digest(own.text)
		sc.code = &own
	}
	s.client.scripts = all
}

func openStore(t testing.TB, rdb redis.UniversalClient, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	watchLocks(t, s)
	return s
}

// watchLocks fails a test that leaves a lock of a removed plan behind. It ignores the locks of
// plans that exist or never existed.
func watchLocks(t testing.TB, s *Store) {
	t.Helper()
	t.Cleanup(func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
		defer stop()
		newest, err := s.client.rdb.Get(ctx, s.keys.ids()).Int64()
		if err != nil {
			return // the server is down, or has no plan
		}
		for _, key := range tenantKeys(ctx, s) {
			value := s.client.rdb.Get(ctx, key).Val()
			l, err := s.locks.parse("", value)
			if err != nil || l.Plan < 1 || int64(l.Plan) > newest {
				continue
			}
			if n, err := s.client.rdb.Exists(ctx, s.keys.plan(l.Plan)).Result(); err == nil && n == 0 {
				t.Errorf("left locked: %s by %q, whose plan was removed", key, value)
			}
		}
	})
}

// tenantKeys returns the keys of the locks of all tenants.
func tenantKeys(ctx context.Context, s *Store) (all []string) {
	var mu sync.Mutex
	scan := func(ctx context.Context, node *redis.Client) error {
		for it := node.Scan(ctx, 0, s.keys.tenant("*"), 1000).Iterator(); it.Next(ctx); {
			mu.Lock()
			all = append(all, it.Val())
			mu.Unlock()
		}
		return nil
	}
	switch c := s.client.rdb.(type) {
	case *redis.ClusterClient:
		_ = c.ForEachMaster(ctx, scan)
	case *redis.Client:
		_ = scan(ctx, c)
	}
	return all
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, harness(redistest.Start(t).Client()))
}

// TestConformanceOnImitation makes a twelfth of the suite per run with -short, and a quarter where
// a real server takes all of it. The imitation runs scripts slowly, and one at a time. It therefore
// makes neither random histories nor full pages, which other tests make on a server. Each case has
// an imitation of its own and repeats its calls: beside other work a script can take so long that
// the imitation seems not to answer.
func TestConformanceOnImitation(t *testing.T) {
	t.Parallel()
	slow := []string{
		"random_rules_and_facts", "from_any_point", "of_the_plan_are_not_trimmed", "tasks_by_the_page", "states_by_the_page", "tenants_by_the_page",
	}
	whole, parts := sample.Whole() || !redistest.Instead() && !testing.Short(), 4
	if testing.Short() {
		parts = 12
	}
	slots := make(chan struct{}, 4) // under the race detector, more cases at once are too slow
	h := harnessOf(func(t testing.TB, cfg Config) store.Store {
		t.Helper()
		client, mini := redistest.MiniServer(t)
		expire(t, mini)
		return storetest.Intercept(openStore(t, client, cfg), repeat)
	})
	h.Skew = nil // it needs the store itself
	h.Wrap = func(t *testing.T, body func(t *testing.T)) {
		t.Helper()
		if slices.Contains(slow, path.Base(t.Name())) {
			return
		}
		if whole || sample.Share(t, parts) {
			slots <- struct{}{}
			defer func() { <-slots }()
			body(t)
		}
	}
	storetest.Run(t, h)
}

// repeat repeats a call as long as it fails with a passing fault, for a minute at most.
func repeat(ctx context.Context, c storetest.Call) error {
	for end := time.Now().Add(time.Minute); ; {
		err := c.Do(ctx)
		if !store.Temporary(err) || ctx.Err() != nil || time.Now().After(end) {
			return err
		}
	}
}

func TestConformanceOnCluster(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inPart(harness(redistest.StartCluster(t, 3, 0).Client())))
}

// inPart leaves out two thirds of the cases, other ones in each run, unless sample.Whole asks for
// all: TestConformance makes all of them in every run.
func inPart(h storetest.Harness) storetest.Harness {
	h.Wrap = func(t *testing.T, body func(t *testing.T)) {
		t.Helper()
		if sample.Whole() || sample.Share(t, 3) {
			body(t)
		}
	}
	return h
}

func TestConformanceBehindSentinel(t *testing.T) {
	t.Parallel()
	storetest.Run(t, inPart(harness(redistest.StartSentinel(t).Client())))
}

func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, harness(redistest.Start(t).Client()))
}

// TestModelFaulty: calls fail before or after they took effect, and are repeated.
func TestModelFaulty(t *testing.T) {
	t.Parallel()
	h := harness(redistest.Start(t).Client())
	storetest.Model(t, storetest.Harness{
		New: func(t testing.TB) store.Store {
			t.Helper()
			return storetest.Faulty(h.New(t), storetest.FaultConfig{Before: 0.1, After: 0.2})
		},
	})
}
