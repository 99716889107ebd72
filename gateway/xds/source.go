package xds

import (
	"errors"
	"maps"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// source shows the current snapshot to all streams. It is a [cache.ConfigWatcher], in place of the
// library's snapshot cache, which sends a revision that was refused again at once and without end.
//
// What a stream is sent is decided by what it was sent before, and not by the version that the node
// names: a new stream always gets the whole snapshot, and a NACK gets nothing.
type source struct {
	mu      sync.Mutex
	current *snapshot // nil before the table was loaded
	watches map[*watch]struct{}
}

// watch is a request that waits for a newer snapshot.
type watch struct {
	request  *cache.Request
	sub      cache.Subscription
	response chan<- cache.Response // has room for the one response that a watch gets
}

var _ cache.ConfigWatcher = (*source)(nil)

func newSource() *source { return &source{watches: map[*watch]struct{}{}} }

// snapshot returns the current snapshot, nil if there is none.
func (src *source) snapshot() *snapshot {
	src.mu.Lock()
	defer src.mu.Unlock()
	return src.current
}

// publish makes a snapshot the current one and answers the requests that wait for it.
func (src *source) publish(s *snapshot) {
	src.mu.Lock()
	defer src.mu.Unlock()
	src.current = s
	for w := range src.watches {
		if src.answer(w) {
			delete(src.watches, w)
		}
	}
}

// CreateWatch implements [cache.ConfigWatcher].
func (src *source) CreateWatch(request *cache.Request, sub cache.Subscription, response chan cache.Response) (func(), error) {
	w := &watch{request: request, sub: sub, response: response}
	src.mu.Lock()
	defer src.mu.Unlock()
	if !src.answer(w) {
		src.watches[w] = struct{}{}
	}
	return func() {
		src.mu.Lock()
		defer src.mu.Unlock()
		delete(src.watches, w)
	}, nil
}

var errDelta = errors.New("xds: incremental requests are not served")

// CreateDeltaWatch implements [cache.ConfigWatcher]. The service refuses such streams before.
func (src *source) CreateDeltaWatch(*cache.DeltaRequest, cache.Subscription, chan cache.DeltaResponse) (func(), error) {
	return nil, errDelta
}

// answer answers a request if there is something that its stream was not sent yet. A node that has
// a later revision than the source is not sent an older one: the table is behind, or lost.
//
// A name that the snapshot does not have is not answered: an answer without the resource would be
// acknowledged like any other.
func (src *source) answer(w *watch) bool {
	if src.current == nil {
		return false
	}
	if rev, ok := revision(w.request.GetVersionInfo()); ok && rev > src.current.rev {
		return false
	}
	asked := src.asked(w)
	now, sent := version(src.current.rev), w.sub.ReturnedResources()
	news := false
	returned := make(map[string]string, len(asked))
	response := &discoveryv3.DiscoveryResponse{VersionInfo: now, TypeUrl: w.request.GetTypeUrl()}
	for name, encoded := range asked {
		news = news || sent[name] != now
		returned[name] = now
		response.Resources = append(response.Resources, encoded)
	}
	if news {
		w.response <- &cache.PassthroughResponse{Request: w.request, DiscoveryResponse: response, ReturnedResources: returned}
	}
	return news
}

// asked returns the resources of the current snapshot for which a request asks.
func (src *source) asked(w *watch) map[string]*anypb.Any {
	all := src.current.all[w.request.GetTypeUrl()]
	if w.sub.IsWildcard() {
		return all
	}
	named := maps.Clone(all)
	maps.DeleteFunc(named, func(name string, _ *anypb.Any) bool {
		_, ok := w.sub.SubscribedResources()[name]
		return !ok
	})
	return named
}
