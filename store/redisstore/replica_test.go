package redisstore

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// TestRepeatsAreNotAcknowledged: a repeated call finds its change already written. It is
// nevertheless not acknowledged, on any connection, while the replica does not have the change.
func TestRepeatsAreNotAcknowledged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration
		change  func(*redis.Options)
		kill    bool // connections are closed again and again
		sure    bool // the answer to WAIT certainly arrives
	}{
		"another connection":          {timeout: 50 * time.Millisecond, change: func(*redis.Options) {}, sure: true},
		"a wait beyond the client's":  {timeout: time.Minute, change: func(o *redis.Options) { o.ReadTimeout = 200 * time.Millisecond }},
		"a connection that is killed": {timeout: time.Second, change: func(*redis.Options) {}, kill: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			master := redistest.Start(t)
			replica := redistest.Start(t, "--replicaof", "127.0.0.1 "+strconv.Itoa(master.Port()))
			eventually(t, func() bool { return master.Client().Do(t.Context(), "wait", 1, 100).Val() == int64(1) })
			s := openStore(t, master.Client(), Config{})
			r := start(t, s, 3, 3)
			fresh := func() (s *Store) {
				o := master.Options()
				test.change(o)
				c := redis.NewClient(o)
				t.Cleanup(func() { _ = c.Close() })
				r.again(func() (err error) { // connections are killed, or the client is impatient
					s, err = Open(r.ctx, c, Config{Replicas: 1, ReplicaTimeout: test.timeout})
					return err
				})
				return s
			}
			j := r.claim("worker", 1)[0]
			p, err := s.Plan(r.ctx, r.id)
			r.ok(err)
			replica.Freeze()
			if test.kill {
				stop := killing(t, master.Client())
				defer stop()
			}
			for what, call := range durableCalls(r.id, p, j.ID.Ordinal(), store.Change{Task: j.ID, Token: j.Token, Seq: 1, Kind: store.Complete}) {
				for try := range 3 {
					if err := call(r.ctx, fresh()); err == nil || !store.Temporary(err) {
						t.Errorf("%s, try %d: error %v, want a passing one", what, try+1, err)
					} else if test.sure && !errors.Is(err, ErrNotReplicated) {
						t.Errorf("%s, try %d: error %v, want %v", what, try+1, err, ErrNotReplicated)
					}
				}
			}
			replica.Thaw()
		})
	}
}

// durableCalls returns the calls that are acknowledged only after the replicas have their change.
func durableCalls(id plan.ID, p plan.Plan, ordinal int, w store.Change) map[string]func(context.Context, *Store) error {
	d, _ := p.Pause(plan.By{})
	lock := store.TenantLock{Tenant: "another", Plan: id, Ordinal: ordinal, Start: 1}
	return map[string]func(context.Context, *Store) error{
		"commit": func(ctx context.Context, s *Store) error {
			return s.Commit(ctx, &store.Batch{Plan: id, Changes: []store.Change{w}})
		},
		"apply": func(ctx context.Context, s *Store) error {
			_, err := s.Apply(ctx, store.Command{ID: "pause", Version: p.Version, Failed: -1, Decision: d})
			return err
		},
		"create": func(ctx context.Context, s *Store) error {
			_, err := s.BeginCreate(ctx, store.Create{Mark: "mark", Hash: "h", TTL: time.Minute, Plan: plan.Plan{Name: "n", TaskCount: 1, IdempotencyKey: "k"}})
			return err
		},
		"reserve": func(ctx context.Context, s *Store) error {
			_, err := s.Reserve(ctx, []store.TenantLock{lock})
			return err
		},
	}
}

// killing closes all connections of clients repeatedly, until stop is called.
func killing(t *testing.T, client *redis.Client) (stop func()) {
	t.Helper()
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				client.Do(context.WithoutCancel(t.Context()), "client", "kill", "type", "normal", "skipme", "yes")
			}
		}
	}()
	return func() { close(end); <-done }
}
