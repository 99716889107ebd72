package xds

import (
	"errors"
	"maps"
	"sync"

	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// board shows the current snapshot to all streams. It is a [cache.ConfigWatcher], in place of the
// library's snapshot cache, which sends a revision that was refused again at once and without end.
//
// What a stream is sent is decided by what it was sent before, and not by the version that the node
// names: a new stream always gets the whole snapshot, and a NACK gets nothing.
type board struct {
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

var _ cache.ConfigWatcher = (*board)(nil)

func newBoard() *board { return &board{watches: map[*watch]struct{}{}} }

// snapshot returns the current snapshot, nil if there is none.
func (b *board) snapshot() *snapshot {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.current
}

// publish makes a snapshot the current one and answers the requests that wait for it.
func (b *board) publish(s *snapshot) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = s
	for w := range b.watches {
		if b.answer(w) {
			delete(b.watches, w)
		}
	}
}

// CreateWatch implements [cache.ConfigWatcher].
func (b *board) CreateWatch(request *cache.Request, sub cache.Subscription, response chan cache.Response) (func(), error) {
	w := &watch{request: request, sub: sub, response: response}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.answer(w) {
		b.watches[w] = struct{}{}
	}
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.watches, w)
	}, nil
}

var errDelta = errors.New("xds: incremental requests are not served")

// CreateDeltaWatch implements [cache.ConfigWatcher]. The service refuses such streams before.
func (b *board) CreateDeltaWatch(*cache.DeltaRequest, cache.Subscription, chan cache.DeltaResponse) (func(), error) {
	return nil, errDelta
}

// answer answers a request if there is something that its stream was not sent yet. A node that has
// a later revision than the board is not sent an older one: the table is behind, or lost.
//
// A name that the snapshot does not have is not answered: an answer without the resource would be
// acknowledged like any other.
func (b *board) answer(w *watch) bool {
	if b.current == nil {
		return false
	}
	if rev, ok := revision(w.request.GetVersionInfo()); ok && rev > b.current.rev {
		return false
	}
	wanted := b.wanted(w)
	now, sent := version(b.current.rev), w.sub.ReturnedResources()
	news := false
	returned := make(map[string]string, len(wanted))
	response := &discoveryv3.DiscoveryResponse{VersionInfo: now, TypeUrl: w.request.GetTypeUrl()}
	for name, encoded := range wanted {
		news = news || sent[name] != now
		returned[name] = now
		response.Resources = append(response.Resources, encoded)
	}
	if news {
		w.response <- &cache.PassthroughResponse{Request: w.request, DiscoveryResponse: response, ReturnedResources: returned}
	}
	return news
}

// wanted returns the resources of the current snapshot for which a request asks.
func (b *board) wanted(w *watch) map[string]*anypb.Any {
	all := b.current.all[w.request.GetTypeUrl()]
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
