package redisstore

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store"
)

// listed returns the names in the key workers, whether or not there are leases.
func listed(t *testing.T, client redis.UniversalClient, s *Store) string {
	t.Helper()
	return fmt.Sprint(client.ZRange(t.Context(), s.keys.workers(), 0, -1).Val())
}

// TestNamesOfTheDeadAreDropped: names of workers that died are dropped by whoever asks for the
// workers, and otherwise by those that join.
func TestNamesOfTheDeadAreDropped(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	die := func(n int) {
		for i := range n {
			if err := client.ZAdd(t.Context(), s.keys.workers(), redis.Z{Member: fmt.Sprint("dead", i)}).Err(); err != nil {
				t.Fatal(err)
			}
		}
	}
	join := func(name string) {
		if err := s.Join(t.Context(), name, time.Hour, store.Process{}); err != nil {
			t.Fatal(err)
		}
	}
	join("alive")
	die(3 * joinSweep)
	for i := range 4 {
		join(fmt.Sprint("e", i))
	}
	if got := listed(t, client, s); got != "[alive e0 e1 e2 e3]" {
		t.Errorf("after some joined: %s", got)
	}
	die(100)
	workers, err := s.Workers(t.Context(), "", 2)
	if err != nil || len(workers) != 2 || workers[1].Name != "e0" {
		t.Errorf("%+v, %v", workers, err)
	}
	if got := listed(t, client, s); got != "[alive e0 e1 e2 e3]" {
		t.Errorf("after a query: %s", got)
	}
}

// TestADamagedRegistryHarmsNobody: processes join, renew and leave although the list of workers is
// damaged, and a name that was lost is back with the next report.
func TestADamagedRegistryHarmsNobody(t *testing.T) {
	t.Parallel()
	client := redistest.Start(t).Client()
	s := openStore(t, client, Config{})
	ctx := t.Context()
	client.Set(ctx, s.keys.workers(), "in the way", 0)
	if err := s.Join(ctx, "w", time.Hour, store.Process{Capacity: 3}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Heartbeat(ctx, "w", time.Hour, nil); err != nil {
		t.Error(err)
	}
	corrupt := new(store.CorruptError)
	if err := s.Report(ctx, "w", store.Load{}); !errors.As(err, &corrupt) || corrupt.Key != s.keys.workers() {
		t.Errorf("report: %v", err)
	}
	if _, err := s.Workers(ctx, "", 0); !errors.As(err, &corrupt) || corrupt.Key != s.keys.workers() {
		t.Errorf("workers: %v", err)
	}
	client.Del(ctx, s.keys.workers())
	if err := s.Report(ctx, "w", store.Load{Held: 2}); err != nil {
		t.Error(err)
	}
	if workers, err := s.Workers(ctx, "", 0); err != nil || len(workers) != 1 || workers[0].Capacity != 3 || workers[0].Held != 2 {
		t.Errorf("%+v, %v", workers, err)
	}
	client.Set(ctx, s.keys.lease("w"), "no lease", time.Hour)
	for what, err := range map[string]error{"report": s.Report(ctx, "w", store.Load{}), "workers": second(s.Workers(ctx, "", 0))} {
		if !errors.As(err, &corrupt) || corrupt.Key != s.keys.lease("w") {
			t.Errorf("%s: %v", what, err)
		}
	}
	client.Set(ctx, s.keys.workers(), "in the way", 0)
	if err := s.Leave(ctx, "w"); err != nil {
		t.Error(err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestWorkersOfASilentNode: those whose leases are on a node that does not answer are left out, and
// the error says so; nobody is dropped.
func TestWorkersOfASilentNode(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	client := redis.NewClusterClient(cluster.Options())
	t.Cleanup(func() { _ = client.Close() })
	s := openStore(t, client, Config{})
	const n = 12
	for i := range n {
		if err := s.Join(t.Context(), fmt.Sprint("w", i), time.Hour, store.Process{}); err != nil {
			t.Fatal(err)
		}
	}
	master, err := client.MasterForKey(t.Context(), s.keys.workers())
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range cluster.Nodes() {
		if node.Options().Addr == master.Options().Addr {
			continue
		}
		node.Freeze()
		defer node.Thaw()
		break
	}
	workers, err := s.Workers(t.Context(), "", 0)
	if !store.Temporary(err) || len(workers) == 0 || len(workers) == n {
		t.Errorf("%d workers, %v", len(workers), err)
	}
	if got := client.ZCard(t.Context(), s.keys.workers()).Val(); got != n {
		t.Errorf("%d names are left", got)
	}
}
