package xds

import (
	"context"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/sotw/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// service is the aggregated discovery service: one stream for all types, with the state of the
// world in each response.
type service struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer

	nodes   *nodes
	server  sotw.Server
	refresh func(context.Context) (uint64, error) // loads the table
	logger  *zap.Logger
}

var _ sotw.Callbacks = (*service)(nil)

func newService(src *source, n *nodes, refresh func(context.Context) (uint64, error), logger *zap.Logger) *service {
	s := &service{nodes: n, refresh: refresh, logger: logger}
	s.server = sotw.NewServer(context.Background(), src, s) // streams end with the host's server
	return s
}

// StreamAggregatedResources implements the service.
func (s *service) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	return s.server.StreamHandler(stream, resource.AnyType)
}

// DeltaAggregatedResources refuses the incremental variant.
func (s *service) DeltaAggregatedResources(discoveryv3.AggregatedDiscoveryService_DeltaAggregatedResourcesServer) error {
	return status.Error(codes.Unimplemented, "cutover serves the state of the world: set api_type to GRPC, not DELTA_GRPC")
}

// OnStreamOpen implements [sotw.Callbacks].
func (s *service) OnStreamOpen(ctx context.Context, id int64, _ string) error {
	within := func(d time.Duration) (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, d) }
	s.nodes.change(func() { s.nodes.streams[id] = &stream{types: map[string]*subscription{}, within: within} })
	return nil
}

// OnStreamClosed implements [sotw.Callbacks].
func (s *service) OnStreamClosed(id int64, _ *corev3.Node) {
	s.nodes.change(func() { delete(s.nodes.streams, id) })
}

// loadTime bounds the wait for the table before a new stream is answered.
const loadTime = 5 * time.Second

// OnStreamRequest implements [sotw.Callbacks]. Before the first request of a stream is answered the
// table is loaded: the snapshot of this process may be older than what the node had at another one,
// or would have been given there. If the table cannot be loaded, the node gets what there is, which
// is better than no routes at all.
func (s *service) OnStreamRequest(id int64, request *discoveryv3.DiscoveryRequest) error {
	node := request.GetNode().GetId()
	if node == "" {
		return status.Error(codes.InvalidArgument, "the first request of a stream has to have a node id")
	}
	first, within := s.name(id, node)
	if first {
		ctx, cancel := within(loadTime)
		defer cancel()
		if _, err := s.refresh(ctx); err != nil {
			s.logger.Warn("xds: a node has connected and the table is not known", zap.String("node", node), zap.Error(err))
		}
	}
	s.nodes.change(func() { s.nodes.streams[id].request(request) })
	if detail := request.GetErrorDetail(); detail != nil {
		s.logger.Warn("xds: a node refuses its configuration", zap.String("node", node),
			zap.String("type", shortType(request.GetTypeUrl())), zap.String("reason", refusal(detail.GetMessage())))
	}
	return nil
}

// name sets the node of a stream. It reports whether this is its first request.
func (s *service) name(id int64, node string) (first bool, within func(time.Duration) (context.Context, context.CancelFunc)) {
	s.nodes.change(func() {
		stream := s.nodes.streams[id]
		first, within = stream.node == "", stream.within
		stream.node = node
	})
	return first, within
}

// request notes what a request says about the last response. The caller holds the lock.
func (s *stream) request(r *discoveryv3.DiscoveryRequest) {
	sub := s.types[r.GetTypeUrl()]
	if sub == nil {
		sub = &subscription{}
		s.types[r.GetTypeUrl()] = sub
	}
	if r.GetResponseNonce() != sub.nonce && sub.nonce != "" {
		return // about an older response
	}
	sub.names = r.GetResourceNames()
	rev, ours := revision(r.GetVersionInfo())
	switch {
	case r.GetErrorDetail() != nil && sub.nonce != "":
		sub.refusal = refusal(r.GetErrorDetail().GetMessage())
	case ours && (!sub.has || rev != sub.acked):
		sub.acknowledge(rev, time.Now())
	}
}

// OnStreamResponse implements [sotw.Callbacks].
func (s *service) OnStreamResponse(_ context.Context, id int64, _ *discoveryv3.DiscoveryRequest, response *discoveryv3.DiscoveryResponse) {
	s.nodes.change(func() {
		sub := s.nodes.streams[id].types[response.GetTypeUrl()]
		sub.nonce, sub.refusal = response.GetNonce(), ""
		sub.sent, _ = revision(response.GetVersionInfo())
	})
}
