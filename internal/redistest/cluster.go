package redistest

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/proctest"
)

const (
	clusterSlots = 16384

	// nodeTimeout is the time after which the nodes of a cluster regard a silent node as failed.
	// With a lower value, nodes on a busy machine take one another for failed.
	nodeTimeout = 2 * time.Second

	// reloadInterval is how often a client asks which node serves which slots. The client's default
	// is a minute, and a dead node does not make the client ask sooner: only after the interval
	// does it find the replica that took over.
	reloadInterval = time.Second
)

// Cluster is a Redis cluster of one test.
type Cluster struct {
	t                 testing.TB
	masters, replicas []*Server
	client            *redis.ClusterClient
}

// StartCluster runs a cluster with the slots spread evenly over its masters, and waits until every
// node regards the cluster as whole. About 4 seconds after a master dies its replica takes over. If
// a master without a replica dies, the other slots stay in service as long as most masters live.
// args are added to every node's command line.
func StartCluster(t testing.TB, masters, replicasPerMaster int, args ...string) *Cluster {
	t.Helper()
	c := &Cluster{t: t}
	for range masters {
		c.masters = append(c.masters, startNode(t, args))
	}
	for range masters * replicasPerMaster {
		c.replicas = append(c.replicas, startNode(t, args))
	}
	c.assignSlots()
	c.introduce()
	c.attachReplicas()
	c.awaitWhole()
	c.client = redis.NewClusterClient(c.Options())
	t.Cleanup(func() { _ = c.client.Close() })
	return c
}

// startNode runs a server in cluster mode that does not know any other node yet.
func startNode(t testing.TB, args []string) *Server {
	t.Helper()
	return start(t, func(s *Server) []string {
		base := []string{
			"--port", strconv.Itoa(s.port), "--bind", proctest.Loopback, "--dir", s.dir,
			"--save", "", "--appendonly", "no", "--repl-diskless-sync-delay", "0",
			"--cluster-enabled", "yes",
			"--cluster-port", strconv.Itoa(proctest.FreePort(t)),
			"--cluster-node-timeout", strconv.FormatInt(nodeTimeout.Milliseconds(), 10),
			"--cluster-require-full-coverage", "no",
			"--cluster-replica-validity-factor", "0",
		}
		return append(base, args...)
	})
}

// Nodes returns all servers: the masters as they were at the start, in the order of their slots,
// then their replicas in the same order.
func (c *Cluster) Nodes() []*Server {
	return append(append([]*Server(nil), c.masters...), c.replicas...)
}

// Addrs returns the addresses of Nodes.
func (c *Cluster) Addrs() []string {
	var addrs []string
	for _, node := range c.Nodes() {
		addrs = append(addrs, node.Addr())
	}
	return addrs
}

// Client returns a client of the cluster. All callers share this client, which is closed at the end
// of the test.
func (c *Cluster) Client() *redis.ClusterClient { return c.client }

// Options returns new options for a client that the caller creates.
func (c *Cluster) Options() *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs:                      c.Addrs(),
		ClusterStateReloadInterval: reloadInterval,
		MaintNotificationsConfig:   quiet(),
	}
}

// MasterFor returns the server that currently serves key. It is the server to break in a test about
// the data under key.
func (c *Cluster) MasterFor(key string) *Server {
	c.t.Helper()
	ctx := context.WithoutCancel(c.t.Context())
	master, err := c.client.MasterForKey(ctx, key)
	if err != nil {
		c.t.Fatalf("redistest: looking for the master of %q: %v", key, err)
	}
	addr := master.Options().Addr
	for _, node := range c.Nodes() {
		if node.Addr() == addr {
			return node
		}
	}
	c.t.Fatalf("redistest: %q is served by %s, which is no node of this cluster", key, addr)
	return nil
}

// FirstMasterFor returns the server that served key when the cluster started, even if another
// server serves it now.
func (c *Cluster) FirstMasterFor(key string) *Server {
	c.t.Helper()
	ctx := context.WithoutCancel(c.t.Context())
	slot, err := c.masters[0].client.ClusterKeySlot(ctx, key).Result()
	if err != nil {
		c.t.Fatalf("redistest: looking for the slot of %q: %v", key, err)
	}
	last := 0
	for i := range c.masters {
		if first, _ := c.slots(i); first <= int(slot) {
			last = i
		}
	}
	return c.masters[last]
}

// slots returns the first and the last slot of a master at the start.
func (c *Cluster) slots(master int) (first, last int) {
	return master * clusterSlots / len(c.masters), (master+1)*clusterSlots/len(c.masters) - 1
}

// assignSlots spreads the slots over the masters. It gives each node a different epoch, so that no
// two nodes have a conflict to resolve.
func (c *Cluster) assignSlots() {
	c.t.Helper()
	for i, master := range c.masters {
		first, last := c.slots(i)
		master.must("CLUSTER", "ADDSLOTSRANGE", first, last)
	}
	for i, node := range c.Nodes() {
		node.must("CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
}

// introduce makes the first node meet all others and waits until each node knows all nodes.
func (c *Cluster) introduce() {
	c.t.Helper()
	nodes := c.Nodes()
	for _, node := range nodes[1:] {
		nodes[0].must("CLUSTER", "MEET", proctest.Loopback, node.port, node.busPort())
	}
	for _, node := range nodes {
		waitFor(c.t, "the nodes to know one another", func() error {
			return node.seesNodes(len(nodes), 0)
		})
	}
}

func (c *Cluster) attachReplicas() {
	c.t.Helper()
	perMaster := len(c.replicas) / len(c.masters)
	for i, replica := range c.replicas {
		replica.must("CLUSTER", "REPLICATE", c.masters[i/perMaster].must("CLUSTER", "MYID"))
	}
}

// AwaitWhole waits until every node sees all replicas, and sees all slots served by masters that
// answer. A thawed master counts as failed for a few more seconds: if another master fails during
// that time, the nodes lack a majority, and all of them refuse service.
func (c *Cluster) AwaitWhole() {
	c.t.Helper()
	for _, node := range c.Nodes() {
		waitFor(c.t, "the cluster to be whole", func() error {
			info := node.must("CLUSTER", "INFO")
			if state := infoField(info, "cluster_state"); state != "ok" {
				return fmt.Errorf("%s: cluster_state is %s", node.Addr(), state)
			}
			if slots := infoField(info, "cluster_slots_ok"); slots != strconv.Itoa(clusterSlots) {
				return fmt.Errorf("%s: %s slots are served", node.Addr(), slots)
			}
			return node.seesNodes(len(c.Nodes()), len(c.replicas))
		})
	}
}

// awaitWhole is AwaitWhole for a new cluster: it also waits until every replica has its master's
// data.
func (c *Cluster) awaitWhole() {
	c.t.Helper()
	c.AwaitWhole()
	for _, replica := range c.replicas {
		awaitReplicating(c.t, replica)
	}
}

// awaitReplicating waits until replica has its master's data and follows it.
func awaitReplicating(t testing.TB, replica *Server) {
	t.Helper()
	waitFor(t, "the replica to follow its master", func() error {
		info := replica.must("INFO", "replication")
		if link := infoField(info, "master_link_status"); link != "up" {
			return fmt.Errorf("%s: master_link_status is %q", replica.Addr(), link)
		}
		return nil
	})
}

// seesNodes checks that the node knows the given number of nodes, with handshakes completed, and
// the given number of replicas among them.
func (s *Server) seesNodes(nodes, replicas int) error {
	view := s.must("CLUSTER", "NODES")
	known := strings.Count(view, "\n") - strings.Count(view, "handshake")
	slaves := strings.Count(view, "slave ")
	if known != nodes || slaves != replicas {
		return fmt.Errorf("%s sees %d nodes and %d replicas, want %d and %d:\n%s", s.Addr(), known, slaves, nodes, replicas, view)
	}
	return nil
}

// busPort returns the port of the cluster bus, on which the nodes communicate.
func (s *Server) busPort() string {
	for i, arg := range s.args {
		if arg == "--cluster-port" {
			return s.args[i+1]
		}
	}
	return ""
}

// must runs a command and returns its answer as a string. An error fails the test.
func (s *Server) must(args ...any) string {
	s.t.Helper()
	answer, err := s.client.Do(context.WithoutCancel(s.t.Context()), args...).Text()
	if err != nil {
		s.t.Fatalf("redistest: %v on %s: %v\n%s", args, s.Addr(), err, s.process.Tail())
	}
	return answer
}
