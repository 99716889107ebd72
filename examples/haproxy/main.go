// Command haproxy shows traffic that moves: it starts an HAProxy in front of two servers, green and
// blue, sends requests of some tenants through it, and switches the tenants by a plan. In a
// terminal each tenant is a row of its last answers; elsewhere there is a line for each tenant that
// moves. At the end the program has counted the requests that were lost, and asks for every tenant
// once more.
//
//	go run ./examples/haproxy              switch 20 tenants to blue
//	go run ./examples/haproxy -rollback    and back to green
//
// It needs the program haproxy, and ends with status 69 if there is none.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/executor/bluegreen"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// exitUnavailable is the status on a machine without HAProxy, EX_UNAVAILABLE in sysexits.h.
const exitUnavailable = 69

// options are the program's flags.
type options struct {
	program  string
	tenants  int
	rollback bool
}

func main() {
	var o options
	flag.StringVar(&o.program, "haproxy", "haproxy", "name or path of the program")
	flag.IntVar(&o.tenants, "tenants", 20, "how many tenants there are")
	flag.BoolVar(&o.rollback, "rollback", false, "take everything back at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, o); {
	case errors.Is(err, errNoHAProxy):
		fmt.Fprintln(os.Stderr, err)
		os.Exit(exitUnavailable)
	case err != nil:
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options) error {
	program, err := find(o.program)
	if err != nil {
		return err
	}
	tenants := make([]string, o.tenants)
	for i := range tenants {
		tenants[i] = fmt.Sprintf("tenant-%02d", i+1)
	}
	p, err := startProxy(ctx, program)
	if err != nil {
		return err
	}
	defer p.stop()
	engine, err := newEngine(p)
	if err != nil {
		return err
	}
	users := newTraffic("http://"+p.Address+"/", tenants)
	if !terminal(os.Stdout) {
		users.moved = printMoves(os.Stdout)
	}
	live, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = engine.Run(live) })
	running.Go(func() { users.run(live) })
	running.Go(func() { show(live, os.Stdout, users) })
	done, err := operate(ctx, engine, tenants, o.rollback)
	stop()
	running.Wait()
	if err != nil {
		return err
	}
	return report(ctx, done, users)
}

// newEngine returns an engine whose executor moves tenants by the gateway over HAProxy.
func newEngine(p *proxy) (*cutover.Engine, error) {
	gw, err := p.gateway()
	if err != nil {
		return nil, err
	}
	move, err := bluegreen.New(newStatuses(), gw, bluegreen.Config{})
	if err != nil {
		return nil, err
	}
	return cutover.New(memstore.New(), cutover.Config{Executors: executor.Registry{bluegreen.Type: move}})
}

// calm is how long the traffic is watched before the plan and after it.
const calm = time.Second

func pause(ctx context.Context) {
	select {
	case <-time.After(calm):
	case <-ctx.Done():
	}
}

// operate does what an operator would do, and returns the plan at rest.
func operate(ctx context.Context, engine *cutover.Engine, tenants []string, rollback bool) (plan.Plan, error) {
	pause(ctx)
	defer pause(ctx)
	p, err := engine.Create(ctx, plan.Spec{
		Name: "to blue", ExecutorType: bluegreen.Type, Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{
			MaxConcurrency: strategy.Count(2),
			MinSuccessTime: 300 * time.Millisecond, // slow enough to be watched
		},
	})
	if err != nil {
		return p, err
	}
	if _, err := engine.Start(ctx, p.ID); err != nil {
		return p, err
	}
	p, err = engine.Wait(ctx, p.ID)
	if err != nil || !rollback {
		return p, err
	}
	if _, err := engine.Rollback(ctx, p.ID); err != nil {
		return p, err
	}
	return engine.Wait(ctx, p.ID)
}
