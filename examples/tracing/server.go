package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store/redisstore"
)

// server has the operators' API, and a gateway that the executors call.
type server struct {
	url    string
	engine *cutover.Engine
	// asked is closed when the gateway gets the request that it does not answer before answer is.
	asked, answer chan struct{}
	close         func()
}

func serve(ctx context.Context, redisAddr string, tel *telemetry) (*server, error) {
	rdb := redis.NewClient(&redis.Options{Addr: redisAddr})
	store, err := redisstore.Open(ctx, rdb, redisstore.Config{})
	if err != nil {
		return nil, err
	}
	// This process gives commands only: it has no executor, and does not call Run.
	engine, err := cutover.New(store, cutover.Config{Hooks: tel.Hooks()})
	if err != nil {
		return nil, err
	}
	api, err := ops.New(engine, ops.Config{Authenticate: ops.AllowAll("ann"), ExecutorElsewhere: true})
	if err != nil {
		return nil, err
	}
	s := &server{engine: engine, asked: make(chan struct{}), answer: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("/api/", tel.handler("api", http.StripPrefix("/api", api)))
	mux.Handle("POST /gateway/{tenant}", tel.handler("gateway", s.gateway()))
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.url = "http://" + listener.Addr().String()
	h := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go h.Serve(listener) //nolint:errcheck // it ends when it is closed
	s.close = func() {
		_ = h.Close()
		_ = rdb.Close()
	}
	return s, nil
}

// gateway answers at once, but the first request for bob when it is told to.
func (s *server) gateway() http.HandlerFunc {
	var first atomic.Bool
	return func(_ http.ResponseWriter, r *http.Request) {
		if r.PathValue("tenant") == "bob" && first.CompareAndSwap(false, true) {
			close(s.asked)
			<-s.answer
		}
	}
}

// createAndStart does what a client of the API does: it is the root of the trace.
func (s *server) createAndStart(ctx context.Context, tel *telemetry) (plan.ID, error) {
	ctx, deploy := tel.traces.Tracer("client").Start(ctx, "deploy")
	defer deploy.End()
	var created struct {
		ID plan.ID `json:"planId"`
	}
	err := s.post(ctx, tel, "/api/plans", map[string]any{
		"name": "to blue", "executorType": "MOVE", "tenantIds": []string{"ada", "bob", "cleo"},
	}, &created)
	if err != nil {
		return 0, err
	}
	return created.ID, s.post(ctx, tel, fmt.Sprintf("/api/plans/%s/start", created.ID), nil, nil)
}

func (s *server) post(ctx context.Context, tel *telemetry, path string, body, answer any) error {
	text, err := json.Marshal(body)
	if body == nil {
		text = nil
	}
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := tel.client().Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("POST %s: %s", path, res.Status)
	}
	if answer == nil {
		return nil
	}
	return json.NewDecoder(res.Body).Decode(answer)
}
