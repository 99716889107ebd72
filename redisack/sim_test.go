package redisack

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/wait"
	"github.com/cutover-go/cutover/redisack/httpprobe"
	"github.com/cutover-go/cutover/redisack/probe"
)

// answer is the behaviour of a simulated client at one attempt.
type answer func(ctx context.Context, t Target) (Observation, error)

// sim is a fleet of simulated clients. Each client has a list of answers, of which the last one
// repeats.
type sim struct {
	mu      sync.Mutex
	clients map[string][]answer
	asked   map[string]int
	at      map[string][]time.Time
	busy    int
	most    int // maximum number of concurrent attempts
}

func newSim(clients map[string][]answer) *sim {
	return &sim{clients: clients, asked: make(map[string]int), at: make(map[string][]time.Time)}
}

func (s *sim) Probe(ctx context.Context, ep Endpoint) (Observation, error) {
	return s.ProbeTarget(ctx, ep, Target{})
}

func (s *sim) ProbeTarget(ctx context.Context, ep Endpoint, t Target) (Observation, error) {
	f := s.next(ep.ID)
	defer func() {
		s.mu.Lock()
		s.busy--
		s.mu.Unlock()
	}()
	return f(ctx, t)
}

func (s *sim) next(id string) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy++
	s.most = max(s.most, s.busy)
	answers := s.clients[id]
	i := min(s.asked[id], len(answers)-1)
	s.asked[id]++
	s.at[id] = append(s.at[id], time.Now())
	return answers[i]
}

func (s *sim) count(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[id]
}

// fleetOf returns a fleet of the given clients, in this order.
func fleetOf(ids ...string) Fleet {
	members := make([]Endpoint, len(ids))
	for i, id := range ids {
		members[i] = Endpoint{ID: id}
	}
	return Static(members...)
}

// Answers, and functions that return answers.

func runs(version string) answer {
	return func(context.Context, Target) (Observation, error) { return Observation{Version: version}, nil }
}

func current(_ context.Context, t Target) (Observation, error) {
	return Observation{Rev: t.Rev, Version: t.Version, WriteID: t.WriteID, Sum: t.Sum}, nil
}

func atRev(diff int) answer {
	return func(_ context.Context, t Target) (Observation, error) {
		return Observation{Rev: uint64(int(t.Rev) + diff)}, nil
	}
}

func says(obs Observation) answer {
	return func(context.Context, Target) (Observation, error) { return obs, nil }
}

func booted(boot string) answer {
	return func(_ context.Context, t Target) (Observation, error) {
		return Observation{Rev: t.Rev, Boot: boot}, nil
	}
}

func refuses(boot string) answer {
	return func(_ context.Context, t Target) (Observation, error) {
		return Observation{Boot: boot, Rev: 0, Nothing: true, Attempt: &Attempt{
			Rev: t.Rev, WriteID: t.WriteID, Rejected: true, Error: "bad route",
		}}, nil
	}
}

func fails(kind probe.Kind) answer {
	return func(context.Context, Target) (Observation, error) {
		return Observation{}, &ProbeError{Kind: kind, Err: errors.New("no luck")}
	}
}

func failsPermanently(context.Context, Target) (Observation, error) {
	return Observation{}, &ProbeError{Kind: probe.KindStatus, Status: 403, Permanent: true}
}

func blackHole(ctx context.Context, _ Target) (Observation, error) {
	<-ctx.Done()
	return Observation{}, ctx.Err()
}

func after(d time.Duration, then answer) answer {
	return func(ctx context.Context, t Target) (Observation, error) {
		if wait.For(ctx, d); ctx.Err() != nil {
			return Observation{}, ctx.Err()
		}
		return then(ctx, t)
	}
}

// hangs returns an answer that ignores its context for d.
func hangs(d time.Duration) answer {
	return func(context.Context, Target) (Observation, error) {
		time.Sleep(d)
		return Observation{Version: "v2"}, nil
	}
}

func panics(context.Context, Target) (Observation, error) { panic("boom") }

// change returns the change that most tests write.
func change() Change { return Change{Key: "app:config", Version: "v2", Payload: []byte("two")} }

// testClient returns a client over a memory that holds version v1.
func testClient(t *testing.T, cfg Config) (*Client, *memory) {
	t.Helper()
	mem := new(memory)
	c := newClient(memoryBackend{mem}, cfg)
	if _, err := c.Write(t.Context(), Change{Key: "app:config", Version: "v1", Payload: []byte("one")}); err != nil {
		t.Fatal(err)
	}
	return c, mem
}

func row(t *testing.T, res *AckResult, id string) EndpointReport {
	t.Helper()
	for _, row := range res.Endpoints {
		if row.ID == id {
			return row
		}
	}
	t.Fatalf("no row for %q in %+v", id, res.Endpoints)
	return EndpointReport{}
}

func ids(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("c%d", i)
	}
	return names
}

// overHTTP returns a prober over HTTP.
func overHTTP(t testing.TB, cfg httpprobe.Config) *httpprobe.Prober {
	t.Helper()
	p, err := httpprobe.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// connect returns a client over rdb.
func connect(t testing.TB, rdb redis.UniversalClient, cfg Config) *Client {
	t.Helper()
	c, err := New(rdb, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
