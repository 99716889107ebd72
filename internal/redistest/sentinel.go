package redistest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/proctest"
)

const (
	masterName = "main"
	sentinels  = 3
	quorum     = 2
)

// Sentinel is a master and a replica that three sentinels watch.
type Sentinel struct {
	t         testing.TB
	data      [2]*Server
	sentinels []*Server
	client    *redis.Client
}

// StartSentinel runs the five servers and waits until the replica follows the master and the
// sentinels know the replica and one another. The sentinels regard a master as dead after half a
// second without an answer, and promote the replica a few seconds later. args are added to the
// command lines of master and replica.
func StartSentinel(t testing.TB, args ...string) *Sentinel {
	t.Helper()
	master := Start(t, args...)
	replica := Start(t, append([]string{"--replicaof", proctest.Loopback + " " + strconv.Itoa(master.port)}, args...)...)
	awaitReplicating(t, replica)
	s := &Sentinel{t: t, data: [2]*Server{master, replica}}
	for range sentinels {
		s.sentinels = append(s.sentinels, startSentinel(t, master))
	}
	for _, sentinel := range s.sentinels {
		waitFor(t, "the sentinels to know one another", sentinel.seesAll)
	}
	s.client = redis.NewFailoverClient(s.Options())
	t.Cleanup(func() { _ = s.client.Close() })
	return s
}

// startSentinel runs one sentinel. A sentinel stores its state in its configuration file, so
// startSentinel writes that file again for every port that it tries.
func startSentinel(t testing.TB, master *Server) *Server {
	t.Helper()
	return start(t, func(s *Server) []string {
		path := filepath.Join(s.dir, "sentinel.conf")
		config := fmt.Sprintf(`port %d
bind %s
dir %q
sentinel monitor %s %s %d %d
sentinel down-after-milliseconds %[4]s 500
sentinel failover-timeout %[4]s 5000
sentinel parallel-syncs %[4]s 1
`, s.port, proctest.Loopback, s.dir, masterName, proctest.Loopback, master.port, quorum)
		if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
			t.Fatalf("redistest: writing the sentinel's configuration: %v", err)
		}
		return []string{path, "--sentinel"}
	})
}

// seesAll checks that a sentinel knows the replica and the other sentinels, which
// it needs for a failover.
func (s *Server) seesAll() error {
	ctx := context.WithoutCancel(s.t.Context())
	master := redis.NewMapStringStringCmd(ctx, "SENTINEL", "MASTER", masterName)
	if err := s.client.Process(ctx, master); err != nil {
		return err
	}
	others, replicas := master.Val()["num-other-sentinels"], master.Val()["num-slaves"]
	if others != strconv.Itoa(sentinels-1) || replicas != "1" || master.Val()["flags"] != "master" {
		return fmt.Errorf("%s sees %s other sentinels and %s replicas", s.Addr(), others, replicas)
	}
	return nil
}

// Client returns a client that follows the master. All callers share this client, which is closed
// at the end of the test.
func (s *Sentinel) Client() *redis.Client { return s.client }

// Options returns new options for a client that the caller creates.
func (s *Sentinel) Options() *redis.FailoverOptions {
	options := &redis.FailoverOptions{MasterName: masterName}
	for _, sentinel := range s.sentinels {
		options.SentinelAddrs = append(options.SentinelAddrs, sentinel.Addr())
	}
	return options
}

// Master waits until the sentinels agree on a master, and returns it.
func (s *Sentinel) Master() *Server {
	s.t.Helper()
	var master *Server
	waitFor(s.t, "the sentinels to agree on a master", func() (err error) {
		master, err = s.agreed()
		return err
	})
	return master
}

// Replica returns the server that is not the master, even if that server is down.
func (s *Sentinel) Replica() *Server {
	s.t.Helper()
	if s.Master() == s.data[0] {
		return s.data[1]
	}
	return s.data[0]
}

// FailoverNow promotes the replica while both servers are up. It waits until the sentinels agree
// and the new master accepts writes, and returns the new master.
func (s *Sentinel) FailoverNow() *Server {
	s.t.Helper()
	old := s.Master()
	waitFor(s.t, "a sentinel to start a failover", func() error {
		// The sentinel refuses for a moment until it sees the replica as healthy.
		ctx := context.WithoutCancel(s.t.Context())
		return s.sentinels[0].client.Do(ctx, "SENTINEL", "FAILOVER", masterName).Err()
	})
	return s.WaitFailover(old)
}

// WaitFailover waits until the sentinels agree on another master than old and the new master
// accepts writes. It returns the new master. A test calls WaitFailover after it has killed or
// frozen old.
func (s *Sentinel) WaitFailover(old *Server) *Server {
	s.t.Helper()
	var master *Server
	waitFor(s.t, "a failover", func() (err error) {
		if master, err = s.agreed(); err != nil {
			return err
		}
		if master == old {
			return fmt.Errorf("%s still is master", old.Addr())
		}
		if role := infoField(master.must("INFO", "replication"), "role"); role != "master" {
			return fmt.Errorf("%s has the role %s", master.Addr(), role)
		}
		return nil
	})
	return master
}

// agreed returns the master on which all sentinels agree.
func (s *Sentinel) agreed() (*Server, error) {
	ctx := context.WithoutCancel(s.t.Context())
	var master *Server
	for _, sentinel := range s.sentinels {
		addr, err := sentinel.client.Do(ctx, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
		if err != nil {
			return nil, err
		}
		if len(addr) != 2 {
			return nil, fmt.Errorf("%s answers %q", sentinel.Addr(), addr)
		}
		named := s.data[0]
		if addr[1] == strconv.Itoa(s.data[1].port) {
			named = s.data[1]
		}
		if master != nil && master != named {
			return nil, errors.New("the sentinels name different masters")
		}
		master = named
	}
	return master, nil
}
