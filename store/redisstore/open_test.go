package redisstore

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if err := server.Client().ConfigSet(t.Context(), "requirepass", "secret").Err(); err != nil {
		t.Fatal(err)
	}
	client := func(change func(*redis.Options)) redis.UniversalClient {
		o := server.Options()
		change(o)
		c := redis.NewClient(o)
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	ring := redis.NewRing(&redis.RingOptions{Addrs: map[string]string{"one": server.Addr()}})
	cluster := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{server.Addr()}, ReadOnly: true})
	t.Cleanup(func() { _ = ring.Close() })
	t.Cleanup(func() { _ = cluster.Close() })
	for name, test := range map[string]struct {
		rdb  redis.UniversalClient
		addr string
	}{
		"no password":        {client(func(*redis.Options) {}), server.Addr()},
		"wrong password":     {client(func(o *redis.Options) { o.Password = "guess" }), server.Addr()},
		"a ring":             {ring, ""},
		"reads from replica": {cluster, server.Addr()},
	} {
		_, err := Open(t.Context(), test.rdb, Config{})
		var refused *ServerError
		if !errors.Is(err, ErrServer) || !errors.As(err, &refused) || !strings.Contains(err.Error(), test.addr) {
			t.Errorf("%s: error %v, want one that names %s", name, err, test.addr)
		}
		if store.Temporary(err) || strings.Contains(err.Error(), "guess") {
			t.Errorf("%s: error %v passes by itself, or tells the password", name, err)
		}
	}
	good := client(func(o *redis.Options) { o.Password = "secret" })
	openStore(t, good, Config{})
	server.Shutdown()
	if _, err := Open(t.Context(), good, Config{}); !store.Temporary(err) || !strings.Contains(err.Error(), server.Addr()) {
		t.Errorf("server down: error %v, want a passing one that names the address", err)
	}
}

// TestOpenWithoutTLS: if a server closes connections like one that expects TLS, the error of Open
// names TLS.
func TestOpenWithoutTLS(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	client := redis.NewClient(&redis.Options{Addr: listener.Addr().String(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	if _, err := Open(t.Context(), client, Config{}); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("error %v, want one that names TLS", err)
	}
}

// TestOpenWithoutRoom: a server that has its maximum number of clients says so and closes the
// connection, often before the client has read the message. The error of Open names this cause.
func TestOpenWithoutRoom(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	if err := server.Client().ConfigSet(t.Context(), "maxclients", "1").Err(); err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(server.Options())
	t.Cleanup(func() { _ = client.Close() })
	_, err := Open(t.Context(), client, Config{})
	text := ""
	if err != nil {
		text = err.Error()
	}
	if !store.Temporary(err) || !strings.Contains(text, "maxclients") && !strings.Contains(text, "max number of clients") {
		t.Errorf("error %v, want a passing one that names the cause", err)
	}
}

// TestOpenChecksEviction: Open refuses a server that may evict keys.
func TestOpenChecksEviction(t *testing.T) {
	t.Parallel()
	for _, policy := range []string{"allkeys-lru", "volatile-lru", "volatile-ttl"} {
		client := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", policy).Client()
		_, err := Open(t.Context(), client, Config{})
		var found *redisserver.Eviction
		if !errors.Is(err, ErrServer) || !strings.Contains(err.Error(), "noeviction") || !errors.As(err, &found) {
			t.Errorf("%s: error %v, want one that asks for noeviction", policy, err)
		}
		for name, value := range map[string]string{"maxmemory-policy": "noeviction", "maxmemory": "0"} {
			if err := client.ConfigSet(t.Context(), name, value).Err(); err != nil {
				t.Fatal(err)
			}
			openStore(t, client, Config{})
		}
	}
}

// TestEvictionSetLater: if an eviction policy is set while the store is open, claims and new leases
// fail until the policy is corrected. Completions and heartbeats succeed.
func TestEvictionSetLater(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t, "--maxmemory", "1gb")
	s := openStore(t, server.Client(), Config{})
	s.client.guard = redisserver.NewGuard(server.Client(), time.Millisecond)
	r := start(t, s, 5, 5)
	r.ok(s.Join(r.ctx, "before", time.Minute, store.Process{}))
	held := r.claim("before", 2)
	claims := 0
	claim := func() error {
		claims++
		return s.Commit(r.ctx, &store.Batch{Plan: r.id, Claim: store.Claim{ID: strconv.Itoa(claims), Worker: "before", Max: 1}})
	}
	until := func(want error) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			err := claim()
			if errors.Is(err, want) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("a claim ended with %v, want %v", err, want)
			}
		}
	}
	r.ok(server.Client().ConfigSet(r.ctx, "maxmemory-policy", "volatile-lru").Err())
	until(ErrServer)
	if err := s.Join(r.ctx, "after", time.Minute, store.Process{}); !errors.Is(err, ErrServer) || store.Temporary(err) {
		t.Errorf("a new lease: error %v, want %v", err, ErrServer)
	}
	b := store.Batch{
		Plan:    r.id,
		Changes: []store.Change{{Task: held[0].ID, Token: held[0].Token, Seq: 1, Kind: store.Complete}},
		Claim:   store.Claim{ID: "with an end", Worker: "before", Max: 1},
	}
	if r.ok(s.Commit(r.ctx, &b)); b.Changes[0].State != task.Completed || b.Changes[0].Err != nil || len(b.Claimed) > 0 {
		t.Errorf("an end with a claim: %+v, claimed %d", b.Changes[0], len(b.Claimed))
	}
	if _, err := s.Heartbeat(r.ctx, "before", time.Minute, []plan.ID{r.id}); err != nil {
		t.Errorf("heartbeat: %v", err)
	}
	r.ok(server.Client().ConfigSet(r.ctx, "maxmemory-policy", "noeviction").Err())
	until(nil)
	r.ok(s.Join(r.ctx, "after", time.Minute, store.Process{}))
}

// TestOpenByTLS: a server without TLS does not answer a client that uses TLS, so the error of Open
// has to name the cause.
func TestOpenByTLS(t *testing.T) {
	t.Parallel()
	o := redistest.Start(t).Options()
	o.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	o.DialTimeout, o.DialerRetries, o.MaxRetries = 200*time.Millisecond, 1, -1
	client := redis.NewClient(o)
	t.Cleanup(func() { _ = client.Close() })
	_, err := Open(t.Context(), client, Config{})
	if err == nil || !strings.Contains(err.Error(), "TLS") || !strings.Contains(err.Error(), o.Addr) {
		t.Errorf("error %v, want one that names TLS and %s", err, o.Addr)
	}
}

func TestOpenChecksVersions(t *testing.T) {
	t.Parallel()
	client := redistest.Mini(t)
	s := openStore(t, client, Config{})
	openStore(t, client, Config{})
	for _, test := range []struct {
		mark string
		want error
	}{{"1", ErrVersion}, {strconv.Itoa(oldest - 1), ErrVersion}, {strconv.Itoa(layout + 1), ErrVersion}, {"x", store.ErrCorrupt}, {"0", store.ErrCorrupt}} {
		client.Set(t.Context(), s.keys.version(), test.mark, 0)
		if _, err := Open(t.Context(), client, Config{}); !errors.Is(err, test.want) {
			t.Errorf("version %s: error %v, want %v", test.mark, err, test.want)
		}
	}
	client.Del(t.Context(), s.keys.version())
	client.Set(t.Context(), s.keys.ids(), "1", 0)
	_, err := Open(t.Context(), client, Config{})
	names(t, err, s.keys.version())
	client.Del(t.Context(), s.keys.ids())
	openStore(t, client, Config{})
	for version, want := range map[string]int{"7.0.15": 7, "6.2.14": 6, "8.4.0": 8, "x": 0} {
		if got := major(version); got != want {
			t.Errorf("major(%q) = %d, want %d", version, got, want)
		}
	}
}

func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), redistest.Mini(t), Config{
		Prefix: "{x}", Replicas: -1, ReplicaTimeout: -time.Second,
	})
	var invalid *InvalidError
	if !errors.Is(err, ErrInvalid) || !errors.As(err, &invalid) || len(invalid.Faults) != 3 {
		t.Fatalf("error %v, want three faults", err)
	}
	for _, field := range []string{"Prefix", "Replicas", "ReplicaTimeout"} {
		if !strings.Contains(err.Error(), field+" ") {
			t.Errorf("error %q does not name %s", err, field)
		}
	}
}

// TestIdle: while a thousand plans are at rest, an engine's polls cost at most five commands each
// on average.
func TestIdle(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	s := openStore(t, server.Client(), Config{})
	r := start(t, s, 1, 1)
	for range 1000 {
		c, err := s.BeginCreate(r.ctx, store.Create{Mark: rand.Text(), Plan: plan.Plan{Name: "resting"}, TTL: time.Minute})
		r.ok(err)
		r.ok(s.FinishCreate(r.ctx, c))
	}
	due, err := s.Due(r.ctx, nil, 0)
	r.ok(err)
	for _, d := range due {
		r.ok(s.Reschedule(r.ctx, d.ID, d.Stamp, store.Next{After: -1}))
	}
	before := commands(t, server.Client())
	const polls = 20 // 20 seconds of an engine that polls every second
	for range polls {
		_, err := s.Due(r.ctx, nil, 100)
		r.ok(err)
	}
	if n := commands(t, server.Client()) - before - 1; n > polls*5 {
		t.Errorf("%d commands for %d polls", n, polls)
	}
}

// commands returns how many commands of clients a server has carried out. It does not count the
// commands inside scripts.
func commands(t *testing.T, client *redis.Client) int {
	t.Helper()
	info, err := client.Info(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	sent := map[string]bool{"evalsha": true, "eval": true, "hmget": true, "info": true}
	sum := 0
	for line := range strings.Lines(info) {
		name, rest, ok := strings.Cut(line, ":calls=")
		if ok && sent[strings.TrimPrefix(name, "cmdstat_")] {
			n, _, _ := strings.Cut(rest, ",")
			calls, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			sum += calls
		}
	}
	return sum
}

// TestListen: Listen passes on hints until its context ends.
func TestListen(t *testing.T) {
	t.Parallel()
	s := openStore(t, redistest.Start(t).Client(), Config{})
	ctx, cancel := context.WithCancel(t.Context())
	hints, done := make(chan string, 100), make(chan error)
	go func() { done <- s.Listen(ctx, func(h store.Hint) { hints <- h.Plan.String() }) }()
	var r *rollout
	for got := []string{}; !slices.Contains(got, "1"); {
		if r == nil {
			r = start(t, s, 1, 1)
		}
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Pause(plan.By{}) })
		r.decide(func(p plan.Plan) (plan.Decision, error) { return p.Resume(plan.By{}) })
		select {
		case id := <-hints:
			got = append(got, id)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("listening ended with %v", err)
	}
}
