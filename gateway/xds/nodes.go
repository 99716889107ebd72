package xds

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"

	"github.com/cutover-go/cutover/gateway"
)

// nodes knows the streams to this process, and what their nodes have acknowledged or refused.
type nodes struct {
	routeConfig string

	mu        sync.Mutex
	published uint64 // the revision of the source
	streams   map[int64]*stream
	changed   chan struct{} // closed at the next change
}

// stream is one connection of a node.
type stream struct {
	node  string                   // empty before the first request
	types map[string]*subscription // by the URL of the type
	// within returns a context that ends with the stream, and after a time.
	within func(time.Duration) (context.Context, context.CancelFunc)
}

// subscription is what has become of the resources of one type on one stream.
type subscription struct {
	names []string // asked for; none means all
	nonce string   // of the last response; empty if there was none
	sent  uint64   // the revision of the last response
	has   bool     // the node has acknowledged a revision, or has come with one
	acked uint64   // that revision
	acks  []ack    // of the last maxSettle, and one before; each of a greater revision
	// refusal is the text of the NACK if the last response was refused.
	refusal string
}

// ack is an acknowledgement.
type ack struct {
	rev uint64
	at  time.Time
}

// acknowledge notes that the node has acknowledged a revision.
func (s *subscription) acknowledge(rev uint64, now time.Time) {
	if rev < s.acked {
		s.acks = nil
	}
	s.has, s.acked, s.acks = true, rev, append(s.acks, ack{rev, now})
	for len(s.acks) > 1 && now.Sub(s.acks[1].at) >= maxSettle {
		s.acks = s.acks[1:]
	}
}

// since returns when the node first acknowledged revision rev or a later one, which has all rows of
// rev that are still wanted. It has acknowledged one.
func (s *subscription) since(rev uint64) time.Time {
	i := slices.IndexFunc(s.acks, func(a ack) bool { return a.rev >= rev })
	return s.acks[i].at
}

func newNodes(routeConfig string) *nodes {
	return &nodes{routeConfig: routeConfig, streams: map[int64]*stream{}, changed: make(chan struct{})}
}

// change changes something and wakes those who wait for it.
func (n *nodes) change(f func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	f()
	close(n.changed)
	n.changed = make(chan struct{})
}

// of returns the streams of a node. It may have several: grpc-go opens one for each target, a hot
// restart has two processes for a while, and one that was cut off may not have ended. The caller
// holds mu.
func (n *nodes) of(node string) (streams []*stream) {
	for _, s := range n.streams {
		if s.node == node {
			streams = append(streams, s)
		}
	}
	return streams
}

// verdict returns since when a node has had the routes of revision rev, on all its streams. The
// error says why it may not have them: [ErrNotConnected], [ErrNotAcknowledged], [*RefusedError],
// [*gateway.SetupError] or [gateway.ErrDamaged].
func (n *nodes) verdict(node string, rev uint64) (since time.Time, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	streams := n.of(node)
	if len(streams) == 0 {
		return since, ErrNotConnected
	}
	for _, s := range streams {
		acked, wrong := n.judge(s, rev)
		if wrong != nil && (err == nil || !errors.Is(wrong, ErrNotAcknowledged)) {
			err = wrong
		}
		if acked.After(since) {
			since = acked
		}
	}
	return since, err
}

// judge is verdict for one stream.
func (n *nodes) judge(s *stream, rev uint64) (since time.Time, err error) {
	if refused := s.refused(); refused != nil && refused.Rev >= rev {
		return since, refused
	}
	routes := s.types[resource.RouteType]
	switch {
	case routes == nil || len(routes.names) == 0:
		return since, fmt.Errorf("%w: the node has not asked for routes", ErrNotAcknowledged)
	case !slices.Contains(routes.names, n.routeConfig):
		return since, &gateway.SetupError{
			Expected: fmt.Sprintf("node %s to ask for the route configuration %q", s.node, n.routeConfig),
			Found:    fmt.Sprintf("that it asks for %.200q", strings.Join(routes.names, ", ")),
		}
	case routes.acked > n.published:
		return since, fmt.Errorf("%w: node %s has revision %d, and the table is at %d", gateway.ErrDamaged, s.node, routes.acked, n.published)
	case !routes.has || routes.acked < rev:
		return since, fmt.Errorf("%w: the node has not acknowledged revision %d", ErrNotAcknowledged, rev)
	}
	return routes.since(rev), nil
}

// refused returns what the node has refused of what it was last sent, nil if nothing.
func (s *stream) refused() *RefusedError {
	for _, url := range slices.Sorted(maps.Keys(s.types)) {
		if sub := s.types[url]; sub.refusal != "" {
			return &RefusedError{Node: s.node, Rev: sub.sent, Type: shortType(url), Text: sub.refusal}
		}
	}
	return nil
}

// await waits until a node has had the routes of revision rev for some time. It does not wait for a
// node that is not connected, or has refused what it was sent, which may also happen in that time:
// a client of gRPC asks for a cluster, and refuses it, after it has taken the route to it.
func (n *nodes) await(ctx context.Context, node string, rev uint64, settle time.Duration) error {
	for {
		n.mu.Lock()
		changed := n.changed
		n.mu.Unlock()
		since, err := n.verdict(node, rev)
		left := settle - time.Since(since)
		if err == nil && left <= 0 || err != nil && !errors.Is(err, ErrNotAcknowledged) {
			return err
		}
		var settled <-chan time.Time // never, if it is not acknowledged
		if err == nil {
			settled = time.After(left)
		}
		select {
		case <-changed:
		case <-settled:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}

// NodeState is what this process knows of a node.
type NodeState struct {
	Node string
	// Listed means that the fleet lists the node.
	Listed bool
	// Connected means that the node has a stream to this process. The next three fields are zero
	// without one.
	Connected bool
	// Pushed is the revision that the node was last sent, and Acked the one that it has
	// acknowledged or named when it connected: it is valid to the node, not necessarily in use. Of
	// a node with several streams it is the lowest.
	Pushed, Acked uint64
	// Refused is the node's last NACK, nil if it has refused nothing since it was last sent
	// something.
	Refused *RefusedError
	// Confirmed is the greatest revision of a row that the node has answered a request by, as far
	// as this process has asked.
	Confirmed uint64
}

// state returns what is known of a node by its streams.
func (n *nodes) state(node string) NodeState {
	n.mu.Lock()
	defer n.mu.Unlock()
	state := NodeState{Node: node}
	for i, s := range n.of(node) {
		pushed, acked := uint64(0), uint64(0)
		if routes := s.types[resource.RouteType]; routes != nil {
			pushed, acked = routes.sent, routes.acked
		}
		if i == 0 {
			state.Connected, state.Pushed, state.Acked = true, pushed, acked
		}
		state.Pushed, state.Acked = min(state.Pushed, pushed), min(state.Acked, acked)
		if refused := s.refused(); refused != nil {
			state.Refused = refused
		}
	}
	return state
}

// connected returns the nodes that have a stream, in order.
func (n *nodes) connected() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	names := map[string]bool{}
	for _, s := range n.streams {
		if s.node != "" {
			names[s.node] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}
