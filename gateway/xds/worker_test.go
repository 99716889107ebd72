package xds_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
)

// worker is one process of an edge: its configuration, and the stream that brings it.
type worker struct {
	edge   *edge
	cancel context.CancelFunc
	ended  sync.WaitGroup
	ready  chan struct{} // closed when there are clusters and routes

	mu       sync.Mutex
	config   config
	versions map[string]string // the last that were accepted, by type
	seen     []string          // every version of the routes that was accepted
}

func newWorker(e *edge) *worker {
	ctx, cancel := context.WithCancel(context.Background())
	w := &worker{edge: e, cancel: cancel, ready: make(chan struct{}), versions: map[string]string{}}
	w.ended.Go(func() { w.run(ctx) })
	return w
}

func (w *worker) stop() {
	w.cancel()
	w.ended.Wait()
}

func (w *worker) awaitRoutes() {
	w.edge.t.Helper()
	select {
	case <-w.ready:
	case <-time.After(30 * time.Second):
		w.edge.t.Errorf("%s got no routes", w.edge.node)
	}
}

// run keeps a stream, and begins another one when it ends.
func (w *worker) run(ctx context.Context) {
	for ctx.Err() == nil {
		_ = w.stream(ctx)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// asked is what a worker subscribes to, in this order: names are asked for in each request.
func (w *worker) asked() []*discoveryv3.DiscoveryRequest {
	return []*discoveryv3.DiscoveryRequest{
		{TypeUrl: resource.ClusterType},
		{TypeUrl: resource.RouteType, ResourceNames: []string{w.edge.boot.routes()}},
	}
}

func (w *worker) stream(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client, err := grpc.NewClient(w.edge.boot.control, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(client).StreamAggregatedResources(ctx)
	if err != nil {
		return err
	}
	asked := map[string]*discoveryv3.DiscoveryRequest{}
	for i, request := range w.asked() {
		if i == 0 {
			request.Node = &corev3.Node{Id: w.edge.node}
		}
		request.VersionInfo = w.version(request.GetTypeUrl())
		asked[request.GetTypeUrl()] = request
		if err := stream.Send(request); err != nil {
			return err
		}
	}
	for {
		response, err := stream.Recv()
		if err != nil {
			return err
		}
		w.edge.wait(ctx)
		if err := w.take(ctx, stream, asked[response.GetTypeUrl()], response); err != nil {
			return err
		}
	}
}

var errCut = errors.New("the stream ends here")

// take answers a response, and uses it some time after it was acknowledged.
func (w *worker) take(ctx context.Context, stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient,
	request *discoveryv3.DiscoveryRequest, response *discoveryv3.DiscoveryResponse,
) error {
	if request == nil {
		return fmt.Errorf("resources of type %s were not asked for", response.GetTypeUrl())
	}
	next, err := w.parsed(response)
	w.edge.mu.Lock()
	routes := response.GetTypeUrl() == resource.RouteType
	lag, cut := w.edge.lag, w.edge.cut && routes && err == nil
	w.edge.cut = w.edge.cut && !cut
	w.edge.mu.Unlock()
	answer := &discoveryv3.DiscoveryRequest{TypeUrl: request.GetTypeUrl(), ResourceNames: request.GetResourceNames(), ResponseNonce: response.GetNonce()}
	if err != nil {
		answer.ErrorDetail = &statuspb.Status{Code: int32(codes.InvalidArgument), Message: err.Error()}
	} else {
		w.accept(response)
	}
	answer.VersionInfo = w.version(response.GetTypeUrl())
	if !cut {
		if err := stream.Send(answer); err != nil {
			return err
		}
	}
	if err == nil && w.pause(ctx, routes, lag) {
		w.use(next)
	}
	if cut {
		return errCut
	}
	return nil
}

// pause waits until routes are used. It reports false if the worker has ended before.
func (w *worker) pause(ctx context.Context, routes bool, lag time.Duration) bool {
	if !routes {
		return true
	}
	select {
	case <-time.After(lag):
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *worker) version(typeURL string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.versions[typeURL]
}

// received returns every version of the routes that was accepted.
func (w *worker) received() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

func (w *worker) accept(response *discoveryv3.DiscoveryResponse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions[response.GetTypeUrl()] = response.GetVersionInfo()
	if response.GetTypeUrl() == resource.RouteType {
		w.seen = append(w.seen, response.GetVersionInfo())
	}
}

func (w *worker) use(next config) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if next.clusters != nil {
		w.config.clusters = next.clusters
	}
	if next.hosts != nil {
		w.config.hosts, w.config.ignorePort = next.hosts, next.ignorePort
	}
	select {
	case <-w.ready:
	default:
		if w.config.clusters != nil && w.config.hosts != nil {
			close(w.ready)
		}
	}
}
