// Command server is a host to copy: an engine over a store, the operators' API over HTTP, logs, and
// a shutdown that hands tasks over. It keeps its plans in the file cutover.db of the folder in
// which it is started: stop it in the middle, start it again, and it goes on. Over one Redis or
// PostgreSQL start it as often as you like; all copies show the same plans, and each works on them.
// Without -listen it only works.
//
//	go run ./examples/server -listen 127.0.0.1:8080 -demo
//	go run ./examples/server -listen 127.0.0.1:8080 -demo -store redis:localhost:6379
//	go run ./examples/server -listen 127.0.0.1:8080 -demo -store postgres://app@localhost/service
//	CUTOVER_TOKEN=... go run ./examples/server -listen :8080 -store redis:localhost:6379 \
//		-tenants http://tenants.internal -gateway http://gateway.internal
//
// What happens to plans, and every failure, is told to the log and, with -webhook, to a URL; the
// copies share the work, and the page of notifiers shows how it goes:
//
//	export CUTOVER_WEBHOOK_SECRET=whsec_$(openssl rand -base64 24)
//	go run ./examples/server -listen 127.0.0.1:8080 -demo -url http://127.0.0.1:8080/api/ \
//		-webhook https://hooks.example.com/cutover
//
// The API is at /api/, and metrics for Prometheus are at /metrics. Callers sign in with HTTP Basic:
// the user is the name that is recorded, the password is CUTOVER_TOKEN. A demo on a loopback
// address needs neither.
//
// With -demo the tenants and their gateway are made up: a tenant named flaky-... meets a gateway
// that gives no answer at its first attempt, broken-... at each one, slow-... takes 3 s a step.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/notify"
)

func main() {
	o, err := parse(os.Args[1:], os.Getenv)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, o); err != nil {
		slog.Error("the server ends", "error", err)
		os.Exit(1)
	}
}

// run works and serves until ctx ends, or until one of the two fails. Its error is that of both.
func run(ctx context.Context, o options) error {
	s, err := openShared(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	executors, err := o.executors(s.world)
	if err != nil {
		return err
	}
	metrics, scrapes, err := newMetrics()
	if err != nil {
		return err
	}
	engine, err := cutover.New(metrics.Store(s.store), cutover.Config{
		Name: o.name + "-" + strconv.Itoa(os.Getpid()), Capacity: o.capacity, LeaseTTL: o.lease, Executors: executors,
		Hooks: hook.Join(metrics.Hooks(), hook.Slog(nil)),
	})
	if err != nil {
		return err
	}
	notifiers, err := o.notifiers(engine)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	var parts sync.WaitGroup
	var ofEngine, ofMetrics, ofAPI error
	ofNotifiers := make([]error, len(notifiers))
	for i, n := range notifiers {
		parts.Go(func() {
			defer end()
			ofNotifiers[i] = named("a notifier", n.Run(ctx))
		})
	}
	parts.Go(func() {
		defer end()
		ofEngine = named("the engine", engine.Run(ctx))
	})
	if o.listen != "" {
		parts.Go(func() { ofMetrics = named("the metrics", metrics.Run(ctx, engine)) })
		parts.Go(func() {
			defer end()
			ofAPI = named("the API", serve(ctx, engine, notifiers, scrapes, o))
		})
	}
	slog.Info("working", "process", os.Getpid(), "store", s.name, "executors", slices.Sorted(maps.Keys(executors)))
	parts.Wait()
	return errors.Join(append(ofNotifiers, ofEngine, ofMetrics, ofAPI)...)
}

// named says which part has failed.
func named(part string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", part, err)
}

// serve answers requests until ctx ends, and then finishes those under way.
func serve(ctx context.Context, engine *cutover.Engine, notifiers []*notify.Notifier, scrapes http.Handler, o options) error {
	mux, api, err := routes(engine, notifiers, o)
	if err != nil {
		return err
	}
	mux.Handle("GET /metrics", o.signedIn(scrapes))
	listener, err := listen(ctx, o.listen)
	if err != nil {
		return err
	}
	// There is no WriteTimeout: large answers may take long. Streams limit each of their writes.
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, IdleTimeout: 2 * time.Minute}
	server.RegisterOnShutdown(api.Close)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	slog.Info("serving", "address", "http://"+listener.Addr().String()+"/api/")
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace, done := context.WithTimeout(context.WithoutCancel(ctx), o.grace)
	defer done()
	if err := server.Shutdown(grace); err != nil {
		return errors.Join(err, server.Close())
	}
	return nil
}
