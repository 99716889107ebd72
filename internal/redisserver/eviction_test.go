package redisserver_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/redisserver"
	"github.com/cutover-go/cutover/internal/redistest"
)

func TestEviction(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	wrapped := struct{ redis.UniversalClient }{server.Client()} // a host's own kind of client
	for _, test := range []struct {
		policy, limit string
		drops         bool
	}{
		{"allkeys-lru", "0", false},
		{"volatile-ttl", "0", false},
		{"noeviction", "100mb", false},
		{"allkeys-lru", "100mb", true},
		{"allkeys-random", "100mb", true},
		{"volatile-lru", "100mb", true},
		{"volatile-lfu", "100mb", true},
		{"volatile-random", "100mb", true},
		{"volatile-ttl", "100mb", true},
	} {
		set(t, server.Client(), test.policy, test.limit)
		for _, rdb := range []redis.UniversalClient{server.Client(), wrapped} {
			found, err := redisserver.FindEviction(t.Context(), rdb)
			if err != nil || (found != nil) != test.drops {
				t.Errorf("%s at %s: found %v, %v", test.policy, test.limit, found, err)
			}
			if found != nil && (found.Policy != test.policy || found.Limit != 100<<20 || !strings.Contains(found.Error(), test.policy)) {
				t.Errorf("%s at %s: found %+v", test.policy, test.limit, found)
			}
		}
	}
	found, err := redisserver.FindEviction(t.Context(), server.Client())
	if err != nil || !strings.Contains(found.Error(), server.Addr()) {
		t.Errorf("found %v, %v; want the address", found, err)
	}
}

// set changes a server's limit and policy.
func set(t *testing.T, c *redis.Client, policy, limit string) {
	t.Helper()
	if err := errors.Join(c.ConfigSet(t.Context(), "maxmemory-policy", policy).Err(),
		c.ConfigSet(t.Context(), "maxmemory", limit).Err()); err != nil {
		t.Fatal(err)
	}
}

func TestEvictionThatIsNotTold(t *testing.T) {
	t.Parallel()
	if found, err := redisserver.FindEviction(t.Context(), redistest.Mini(t)); found != nil || err != nil {
		t.Errorf("no such section: found %v, %v", found, err)
	}
	server := redistest.Start(t)
	set(t, server.Client(), "allkeys-lru", "100mb")
	if err := server.Client().Do(t.Context(), "ACL", "SETUSER", "few", "on", ">pass", "~*", "+@read", "+@connection").Err(); err != nil {
		t.Fatal(err)
	}
	o := server.Options()
	o.Username, o.Password = "few", "pass"
	few := redis.NewClient(o)
	t.Cleanup(func() { _ = few.Close() })
	if found, err := redisserver.FindEviction(t.Context(), few); found != nil || err != nil {
		t.Errorf("INFO is refused: found %v, %v", found, err)
	}
	server.Shutdown()
	if found, err := redisserver.FindEviction(t.Context(), server.Client()); found != nil || err == nil {
		t.Errorf("nobody is there: found %v, %v", found, err)
	}
}

func TestEvictionOfOneMaster(t *testing.T) {
	t.Parallel()
	cluster := redistest.StartCluster(t, 3, 0)
	o := cluster.Options()
	o.ReadTimeout, o.MaxRetries = 300*time.Millisecond, -1 // so that the client soon asks another node for the slots
	rdb := redis.NewClusterClient(o)
	t.Cleanup(func() { _ = rdb.Close() })
	if found, err := redisserver.FindEviction(t.Context(), rdb); found != nil || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	third := cluster.Nodes()[2]
	set(t, third.Client(), "volatile-lru", "100mb")
	found, err := redisserver.FindEviction(t.Context(), rdb)
	if err != nil || found == nil || found.Addr != third.Addr() {
		t.Fatalf("found %v, %v; want %s", found, err, third.Addr())
	}
	cluster.Nodes()[0].Freeze()
	if found, err = redisserver.FindEviction(t.Context(), rdb); err != nil || found == nil {
		t.Errorf("with a frozen master: found %v, %v", found, err)
	}
	set(t, third.Client(), "noeviction", "100mb")
	if found, err = redisserver.FindEviction(t.Context(), rdb); err != nil || found != nil {
		t.Errorf("with a frozen master, mended: found %v, %v", found, err)
	}
}
