package otelcutover_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cutover-go/cutover/observe/otelcutover"
	"github.com/cutover-go/cutover/renewal"
)

// Renewals are counted by their outcomes.
func TestRenewal(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	rdb := redisClient(t)
	service, err := renewal.New(rdb, renewal.Config{Hooks: o.Renewal()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- service.Run(ctx) }()
	<-service.Started()
	if err := rdb.Set(ctx, "there", "x", time.Minute).Err(); err != nil {
		t.Fatal(err)
	}
	policy := &renewal.Policy{TTL: renewal.FixedTTL(time.Minute)}
	handle, err := service.Register(renewal.Task{Keys: []string{"there", "gone"}, Policy: policy})
	if err != nil {
		t.Fatal(err)
	}
	_ = handle.RenewNow(ctx) // a key is lost
	renewed := attribute.String("cutover.outcome", "renewed")
	for o.sum(t, "cutover.renewal.keys", renewed) < 1 { // hooks are called a little later
		runtime.Gosched()
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if o.sum(t, "cutover.renewal.keys", attribute.String("cutover.outcome", "lost")) != 1 || o.sum(t, "cutover.renewal.calls") == 0 {
		t.Errorf("%v", o.collect(t))
	}
}

// The time in which a node is late, or may evict keys, is a span, and the nodes are counted; what
// begins twice or ends without a beginning changes nothing.
func TestPhasesOfNodes(t *testing.T) {
	t.Parallel()
	o := observe(t, otelcutover.Config{})
	h := o.Renewal()
	h.OnLag(renewal.Lag{Node: "a"})
	for range 2 {
		h.OnLag(renewal.Lag{Node: "a", Begun: true, Late: 1500 * time.Millisecond, Queued: 7})
	}
	h.OnEviction(renewal.Eviction{Node: "a", Begun: true, Policy: "allkeys-lru"})
	if late, risk := o.sum(t, "cutover.renewal.lagging"), o.sum(t, "cutover.renewal.evicting"); late != 1 || risk != 1 {
		t.Errorf("%d nodes are late, %d may evict", late, risk)
	}
	h.OnLag(renewal.Lag{Node: "a"})
	h.OnEviction(renewal.Eviction{Node: "a"})
	s := o.only(t, "renewal late")
	if value(s, "cutover.renewal.node") != "a" || value(s, "cutover.renewal.late") != "1.5" || value(s, "cutover.renewal.queued") != "7" {
		t.Errorf("%v", s.Attributes())
	}
	if s := o.only(t, "renewal at risk"); s.Status().Description != "the server may evict keys: maxmemory-policy allkeys-lru" {
		t.Errorf("%v", s.Status())
	}
	for i := range 1000 {
		h.OnLag(renewal.Lag{Node: fmt.Sprint(i), Begun: true})
	}
	if n := len(o.spans.Started()); n > 110 {
		t.Errorf("%d spans have begun", n)
	}
	for i := range 1000 {
		h.OnLag(renewal.Lag{Node: fmt.Sprint(i)})
	}
	if n := o.sum(t, "cutover.renewal.lagging"); n != 0 {
		t.Errorf("%d nodes are late", n)
	}
}
