package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/redisack"
	"github.com/cutover-go/cutover/redisack/agent"
)

// gateways are five clients, each with its own agent and status endpoint.
type gateways struct {
	members []redisack.Endpoint
	bad     atomic.Bool // gw-3 is slow, gw-4 late, gw-5 refuses
	cancel  context.CancelFunc
	work    sync.WaitGroup
}

func startGateways(ctx context.Context, rdb *redis.Client) (*gateways, error) {
	ctx, cancel := context.WithCancel(ctx)
	g := &gateways{cancel: cancel}
	for i := 1; i <= 5; i++ {
		if err := g.start(ctx, rdb, fmt.Sprintf("gw-%d", i)); err != nil {
			g.stop()
			return nil, err
		}
	}
	return g, nil
}

// start runs one client: the agent, and the HTTP server with its status.
func (g *gateways) start(ctx context.Context, rdb *redis.Client, id string) error {
	a, err := agent.New(rdb, key, func(ctx context.Context, _ agent.Update) error {
		return g.apply(ctx, id)
	}, agent.Config{Instance: id, Resync: time.Second})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: g.status(id, a), ReadHeaderTimeout: time.Second}
	g.work.Go(func() { _ = a.Run(ctx) })
	g.work.Go(func() { _ = server.Serve(listener) })
	g.work.Go(func() {
		<-ctx.Done()
		_ = server.Close()
	})
	g.members = append(g.members, redisack.Endpoint{ID: id, URL: "http://" + listener.Addr().String() + "/status"})
	return nil
}

// apply stands in for the work of activating a configuration. While bad is set, gw-4 takes long and
// gw-5 refuses.
func (g *gateways) apply(ctx context.Context, id string) error {
	switch {
	case g.bad.Load() && id == "gw-4": // busy with something else
		return wait(ctx, 1500*time.Millisecond)
	case g.bad.Load() && id == "gw-5":
		return errors.New("no route to green")
	}
	return nil
}

// status returns a handler that serves the agent's status. While bad is set, the status of gw-3 is
// slow.
func (g *gateways) status(id string, a *agent.Agent) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.bad.Load() && id == "gw-3" && wait(r.Context(), 700*time.Millisecond) != nil {
			return
		}
		a.ServeHTTP(w, r)
	})
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *gateways) endpoints() []redisack.Endpoint { return g.members }

func (g *gateways) misbehave() { g.bad.Store(true) }

func (g *gateways) fix() { g.bad.Store(false) }

func (g *gateways) stop() {
	g.cancel()
	g.work.Wait()
}
