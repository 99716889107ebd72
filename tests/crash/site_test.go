//go:build crash

package crash

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/store/redisstore"
)

// site is the environment of one fault: a Redis, a plan, workers and their ledger.
type site struct {
	*crashtest.Site
	own own // of the orders of every worker, unless changed for one
	rdb redis.UniversalClient
}

// row is one fault.
type row = crashtest.Row[*site]

// newSite sets up a site. The test's own client connects to g, while the workers of a row may
// connect through a proxy.
func newSite(t *testing.T, g target, prefix string) *site {
	t.Helper()
	s := &site{Site: crashtest.NewSite(t), own: own{Target: g, Prefix: prefix}}
	s.Start = func(o crashtest.Orders) *crashtest.Proc { return s.start(orders{o, s.own}) }
	s.moveTo(g)
	return s
}

// look opens the store for the test itself.
func (s *site) look() {
	s.Helper()
	st, err := redisstore.Open(s.Context(), s.rdb, redisstore.Config{Prefix: s.own.Prefix})
	if err != nil {
		s.Fatal(err)
	}
	s.Look(st)
}

// moveTo connects the test itself to a server.
func (s *site) moveTo(g target) {
	s.Helper()
	rdb := g.client()
	s.Cleanup(func() { _ = rdb.Close() })
	s.rdb = rdb
	s.look()
}

// alone sets up a site with its own server.
func alone(t *testing.T, args ...string) (*site, *redistest.Server) {
	t.Helper()
	server := redistest.Start(t, args...)
	return newSite(t, target{Addrs: []string{server.Addr()}}, "crash:"), server
}

// worker starts a worker with the default orders, modified by change.
func (s *site) worker(name string, change ...func(*orders)) *crashtest.Proc {
	s.Helper()
	o := orders{s.Defs, s.own}
	o.Name = name
	for _, f := range change {
		f(&o)
	}
	return s.start(o)
}

func (s *site) start(o orders) *crashtest.Proc {
	s.Helper()
	return crashtest.StartProc(s.T, s.Dir, o.Orders, o)
}

// complete waits for the end of the plan and adds up the figures.
func (s *site) complete() *site {
	s.Helper()
	s.Complete()
	return s
}
