package renewal

import (
	"context"
	"sync"
	"sync/atomic"

	"go.uber.org/zap"
)

// slots is the number of hash slots of a Redis Cluster.
const slots = 16384

// lanes finds the lane of a key. Without a cluster there is one.
type lanes struct {
	svc    *Service
	sole   *lane
	route  *lane                        // of a cluster: keys whose node is to be found first
	table  *[slots]atomic.Pointer[lane] // of a cluster: nil entries go by route
	ctx    context.Context              //nolint:containedctx // of the calls; ends with close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu     sync.Mutex
	all    []*lane
	nodes  map[string]node // by lane name; the connection may change
	closed bool
}

func newLanes(s *Service, sole node) *lanes {
	g := &lanes{svc: s, nodes: make(map[string]node)}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	if sole != nil {
		g.sole = g.lane(sole)
		return g
	}
	g.table = new([slots]atomic.Pointer[lane])
	g.route = &lane{svc: s, group: g, name: "routing"}
	g.route.work = g.find
	g.all = append(g.all, g.route)
	return g
}

// slot is the hash slot of a key; 0 if that does not matter.
func (g *lanes) slot(key string) uint16 {
	if g.table == nil {
		return 0
	}
	return hashSlot(key)
}

func (g *lanes) push(it item, r rank) {
	l := g.sole
	if l == nil {
		if l = g.table[it.k.slot].Load(); l == nil {
			l = g.route
		}
	}
	l.push(it, r)
}

// lane returns the lane of a node, making it if it is new.
func (g *lanes) lane(n node) *lane {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, known := g.nodes[n.name()]
	g.nodes[n.name()] = n
	if known {
		for _, l := range g.all {
			if l.name == n.name() {
				return l
			}
		}
	}
	l := &lane{svc: g.svc, group: g, name: n.name()}
	l.work = func(ctx context.Context, b *batch) bool { return l.refresh(ctx, b, g.node(l.name)) }
	g.all = append(g.all, l)
	return l
}

func (g *lanes) node(name string) node {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.nodes[name]
}

// kick starts workers wherever something is queued.
func (g *lanes) kick() { g.kickAll(false) }

// kickFull starts workers only where whole batches are queued.
func (g *lanes) kickFull() { g.kickAll(true) }

func (g *lanes) kickAll(full bool) {
	if g.sole != nil {
		g.sole.kick(full)
		return
	}
	g.mu.Lock()
	all := g.all // only ever appended to
	g.mu.Unlock()
	for _, l := range all {
		l.kick(full)
	}
}

// find is the work of the routing lane: it looks up the node of each key and hands
// the keys on. Keys of which the node cannot be found have failed.
func (g *lanes) find(ctx context.Context, b *batch) bool {
	ctx, cancel := context.WithTimeout(ctx, g.svc.cfg.CallTimeout)
	defer cancel()
	silent := true
	for _, it := range b.items {
		l := g.table[it.k.slot].Load()
		if l == nil {
			n, err := g.svc.backend.node(ctx, it.k.name)
			if err != nil {
				it.fail(err)
				continue
			}
			l = g.lane(n)
			g.table[it.k.slot].Store(l)
		}
		silent = false
		l.push(it, it.rank())
	}
	g.kick()
	return silent
}

// moved makes the backend look at the topology anew, and forgets which node holds
// which slot.
func (g *lanes) moved(ctx context.Context) {
	g.svc.backend.reload(ctx)
	if g.table == nil {
		return
	}
	for i := range g.table {
		g.table[i].Store(nil)
	}
}

// spawn starts a worker, unless the lanes are closed.
func (g *lanes) spawn(worker func(context.Context)) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	g.wg.Go(func() { worker(g.ctx) })
	return true
}

// idle tells whether nothing is queued or under way.
func (g *lanes) idle() bool {
	g.mu.Lock()
	all := g.all
	g.mu.Unlock()
	for _, l := range all {
		l.mu.Lock()
		idle := l.workers == 0 && l.depth() == 0
		l.mu.Unlock()
		if !idle {
			return false
		}
	}
	return true
}

// close ends the calls under way and waits for the workers. What is queued stays
// where it is.
func (g *lanes) close() {
	g.mu.Lock()
	g.closed = true
	g.mu.Unlock()
	g.cancel()
	g.wg.Wait()
}

func (s *Service) logNode(name string, silent bool) {
	if silent {
		s.cfg.Logger.Warn("redis node does not answer", zap.String("node", name))
	} else {
		s.cfg.Logger.Info("redis node answers again", zap.String("node", name))
	}
}
