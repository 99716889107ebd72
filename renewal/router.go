package renewal

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cutover-go/cutover/renewal/internal/backend"
	"github.com/cutover-go/cutover/renewal/internal/nodequeue"
)

type nodeQueue = nodequeue.Queue[taskKey]

// router finds the queue of a key. Without a cluster there is one queue. In a cluster there is a
// queue for each node, one for keys whose node must be looked up first, and one for each pair of
// nodes of which one redirects keys to the other: such keys need both nodes, and must not delay
// keys that need only one of them.
type router struct {
	// Immutable after construction.
	shared *shared
	group  *nodequeue.Group[taskKey]
	sole   *nodeQueue
	lookup *nodeQueue                                // of a cluster
	table  *[backend.Slots]atomic.Pointer[nodeQueue] // of a cluster: keys of a slot with a nil entry go to lookup

	mu    sync.Mutex
	nodes map[string]backend.Node // by name; the connection may change
}

// lookupQueue is the name of the queue of keys whose node has to be looked up.
const lookupQueue = "routing"

func newRouter(s *shared) *router {
	r := &router{shared: s, nodes: make(map[string]backend.Node)}
	r.group = nodequeue.NewGroup(nodequeue.Options[taskKey]{
		BatchSize: s.cfg.BatchSize, MaxBatch: maxBatch, InFlight: s.cfg.InFlight,
		Now:      s.clock.now,
		LagLimit: func(t taskKey) time.Duration { return t.h.pol.lagLimit() },
		OnLag: func(l nodequeue.Lag) {
			s.meter.lag(Lag{Node: l.Queue, Begun: l.Begun, Late: l.Late, Queued: l.Depth})
		},
		OnSilent: s.logSilence,
	})
	if sole := s.backend.Sole(); sole != nil {
		r.sole = r.queue(sole)
		return r
	}
	r.table = new([backend.Slots]atomic.Pointer[nodeQueue])
	r.lookup = r.group.Queue(lookupQueue, func() nodequeue.Worker[taskKey] { return (*lookup)(r) })
	return r
}

// queue returns the queue of a node, and creates the queue if necessary.
func (r *router) queue(n backend.Node) *nodeQueue {
	name := n.Name()
	r.mu.Lock()
	r.nodes[name] = n
	r.mu.Unlock()
	return r.group.Queue(name, func() nodequeue.Worker[taskKey] {
		return &refresher{shared: r.shared, router: r, node: name}
	})
}

// node returns the present connection to a node.
func (r *router) node(name string) backend.Node {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nodes[name]
}

// slot returns the hash slot of a key; 0 without a cluster.
func (r *router) slot(key string) uint16 {
	if r.table == nil {
		return 0
	}
	return backend.HashSlot(key)
}

// push adds a key to the queue of its node, or to lookup if the node is not known.
func (r *router) push(it nodequeue.Item[taskKey], rank nodequeue.Rank) {
	q := r.sole
	if q == nil {
		if q = r.table[it.Value.k.slot].Load(); q == nil {
			q = r.lookup
		}
	}
	q.Push(it, rank)
}

// redirect queues a key that node from redirects to node to. It reports false, and queues nothing,
// if the key is no longer renewed.
func (r *router) redirect(it *nodequeue.Item[taskKey], from, to string) bool {
	rank, ok := it.Value.requeue()
	if ok {
		r.queue(r.shared.backend.Redirected(from, to)).Push(*it, rank)
	}
	return ok
}

// kick starts workers wherever something is queued.
func (r *router) kick() { r.group.Kick() }

// reload makes the backend read the topology again, and forgets which node holds which slot.
func (r *router) reload(ctx context.Context) {
	r.shared.backend.Reload(ctx)
	if r.table == nil {
		return
	}
	for i := range r.table {
		r.table[i].Store(nil)
	}
}

// lookup is the worker of the queue of keys whose node has to be looked up.
type lookup router

// Do looks up the node of each key and adds the key to the queue of that node. A key whose node
// cannot be found counts as failed. Do reports silence if it has found no node at all.
func (l *lookup) Do(ctx context.Context, items []nodequeue.Item[taskKey]) (silent bool) {
	r := (*router)(l)
	ctx, cancel := context.WithTimeout(ctx, r.shared.cfg.CallTimeout)
	defer cancel()
	silent = true
	for _, it := range items {
		q := r.table[it.Value.k.slot].Load()
		if q == nil {
			n, err := r.shared.backend.Node(ctx, it.Value.k.name)
			if err != nil {
				it.Value.fail(err)
				continue
			}
			q = r.queue(n)
			r.table[it.Value.k.slot].Store(q)
		}
		silent = false
		q.Push(it, it.Value.lockedRank())
	}
	r.kick()
	return silent
}
