package redisconfig_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cutover-go/cutover/gateway/gatewaytest"
	"github.com/cutover-go/cutover/redisack/agent"
)

// router is a client of many tenants: a process with an agent for each, which serves all of them by
// HTTP. It takes part only after it has the routes of all tenants that have one.
type router struct {
	id  string
	rdb redis.UniversalClient

	mu     sync.Mutex
	url    string
	agents map[string]*agent.Agent
	colour map[string]string // by tenant, as the router routes it
	losing map[string]uint64 // an answer about a later revision than this is lost; nil for none
	life   *life             // nil while the router is dead
}

// life is one run of a router.
type life struct {
	ctx     context.Context //nolint:containedctx // that of the goroutines below
	end     context.CancelFunc
	server  *httptest.Server
	running sync.WaitGroup
}

func (r *router) start(t *testing.T, tenants []string) {
	t.Helper()
	l := &life{}
	l.ctx, l.end = context.WithCancel(context.WithoutCancel(t.Context()))
	r.mu.Lock()
	r.agents, r.colour, r.life = map[string]*agent.Agent{}, map[string]string{}, l
	r.mu.Unlock()
	for _, tenant := range tenants {
		r.follow(t, tenant)
	}
	eventually(t, "the routes of "+r.id, func() bool { return r.ready(tenants) })
	l.server = httptest.NewServer(r)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.url = l.server.URL
}

// ready reports whether the router has a colour for all tenants.
func (r *router) ready(tenants []string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, tenant := range tenants {
		if r.colour[tenant] == "" {
			return false
		}
	}
	return true
}

// kill ends the router with all that it knows. It may be dead already.
func (r *router) kill() {
	r.mu.Lock()
	l := r.life
	r.life = nil
	r.mu.Unlock()
	if l == nil {
		return
	}
	l.server.CloseClientConnections()
	l.server.Close()
	l.end()
	l.running.Wait()
}

// follow starts the agent of a tenant.
func (r *router) follow(t *testing.T, tenant string) {
	t.Helper()
	a, err := agent.New(r.rdb, routeKey(tenant), func(_ context.Context, u agent.Update) error {
		return r.apply(tenant, string(u.Payload))
	}, agent.Config{Instance: r.id, Resync: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.agents[tenant] = a
	l := r.life
	l.running.Go(func() { _ = a.Run(l.ctx) })
}

// apply routes a tenant, to a colour that there is.
func (r *router) apply(tenant, payload string) error {
	for _, colour := range []string{gatewaytest.Green, gatewaytest.Blue} {
		if strings.Contains(payload, `"colour":"`+colour+`"`) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.colour[tenant] = colour
			return nil
		}
	}
	return errNoColour
}

// ServeHTTP serves the status of a tenant's agent at /status/TENANT, and all requests of a tenant
// at /TENANT.
func (r *router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	path := strings.TrimPrefix(req.URL.Path, "/")
	tenant, status := strings.CutPrefix(path, "status/")
	r.mu.Lock()
	a, colour := r.agents[tenant], r.colour[tenant]
	r.mu.Unlock()
	switch {
	case a == nil:
		http.NotFound(w, req)
	case !status:
		_, _ = w.Write([]byte(colour))
	case r.loses(tenant, a):
		panic(http.ErrAbortHandler) // closes the connection
	default:
		a.ServeHTTP(w, req)
	}
}

// lose makes the router lose the next answer about a change.
func (r *router) lose() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.losing = map[string]uint64{}
	for tenant, a := range r.agents {
		_, r.losing[tenant] = a.Applied()
	}
}

// loses reports whether an answer is lost, once.
func (r *router) loses(tenant string, a *agent.Agent) bool {
	_, rev := a.Applied()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.losing == nil || rev <= r.losing[tenant] {
		return false
	}
	r.losing = nil
	return true
}

func (r *router) lost() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.losing == nil
}

func (r *router) address() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.url
}
