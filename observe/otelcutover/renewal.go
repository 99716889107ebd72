package otelcutover

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/renewal"
)

// maxNodes bounds the nodes of which one service may have a span that has not ended.
const maxNodes = 100

// Renewal returns hooks for one renewal service. They count its renewals, and make a span of each
// time in which a node was behind with them, or may have evicted keys: the renewals themselves are
// too many for spans. The spans begin traces of their own.
func (t *Telemetry) Renewal() renewal.Hooks {
	s := &service{Telemetry: t, lags: phases{}, evictions: phases{}}
	return renewal.Hooks{OnBatch: s.batch, OnLag: s.lag, OnEviction: s.eviction}
}

// service is what is known of one renewal service.
type service struct {
	*Telemetry
	mu              sync.Mutex // guards the phases, although a service calls one hook at a time
	lags, evictions phases     // by node
}

// phases are spans of what has begun and not ended, nil if it is not traced.
type phases map[string]trace.Span

func (s *service) batch(b renewal.Batch) {
	ctx := context.Background()
	s.meters.calls.Add(ctx, int64(b.Calls))
	for _, c := range []struct {
		outcome string
		n       int
	}{{"renewed", b.Renewed}, {"lost", b.Lost}, {"failed", b.Failed}, {"skipped", b.Skipped}} {
		if c.n > 0 {
			s.meters.keys.Add(ctx, int64(c.n), metric.WithAttributes(keyOutcome.String(c.outcome)))
		}
	}
}

func (s *service) lag(l renewal.Lag) {
	s.phase(s.lags, l.Node, l.Begun, s.meters.lagging, func() trace.Span {
		_, span := s.tracer.Start(context.Background(), "renewal late", trace.WithNewRoot(),
			trace.WithAttributes(text(keyNode, l.Node), keyLate.Float64(l.Late.Seconds()), keyQueued.Int(l.Queued)))
		return span
	})
}

func (s *service) eviction(e renewal.Eviction) {
	s.phase(s.evictions, e.Node, e.Begun, s.meters.evicting, func() trace.Span {
		_, span := s.tracer.Start(context.Background(), "renewal at risk", trace.WithNewRoot(), trace.WithAttributes(text(keyNode, e.Node)))
		fail(span, "the server may evict keys: maxmemory-policy "+e.Policy)
		return span
	})
}

// phase begins or ends the span of a node, and counts the nodes.
func (s *service) phase(open phases, node string, begun bool, nodes metric.Int64UpDownCounter, begin func() trace.Span) {
	s.mu.Lock()
	defer s.mu.Unlock()
	span, known := open[node]
	switch {
	case begun && !known:
		if len(open) < maxNodes {
			span = begin()
		}
		open[node] = span
		nodes.Add(context.Background(), 1)
	case !begun && known:
		delete(open, node)
		nodes.Add(context.Background(), -1)
		if span != nil {
			span.End()
		}
	}
}
