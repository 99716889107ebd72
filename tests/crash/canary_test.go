//go:build crash

package crash

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor/canary"
	"github.com/cutover-go/cutover/executor/canary/canarytest"
	"github.com/cutover-go/cutover/internal/crashtest"
	"github.com/cutover-go/cutover/internal/redistest"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// canaryHold is how long the workers' canary releases hold each weight.
const canaryHold = 600 * time.Millisecond

// canaryExecutor returns the executor of canary releases whose services are at url: to 50 and to
// 100 percent.
func canaryExecutor(url string) (*canary.Executor, error) {
	weights, err := canary.NewHTTPWeights(url, canary.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	health, err := canary.NewHTTPHealth(url, canary.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	return canary.New(weights, health, canary.Config{Steps: canary.Steps(canaryHold, 50, 100)})
}

// The requests for a tenant whose health is good: the weight; before, set and after, at 50 percent;
// the weight and the health; and all but the first once more at 100 percent. If the health is bad
// there, three more put the weight back.
const (
	firstLook, firstSet, firstRaised, firstCheck = 1, 3, 4, 6
	lastSet, lastRaised, lastCheck               = 8, 9, 11
	backSet, putBack                             = 13, 14
)

// canaryKill is the moment at which the worker of a release is killed: at the n-th request for the
// first tenant, before it has an effect, after its effect but before its answer, or later.
type canaryKill struct {
	n     int
	after bool
	later time.Duration // after the answer, if it is not 0
	bad   bool          // the health of the first tenant is bad at 100 percent
}

func (k canaryKill) String() string {
	text := fmt.Sprintf("a canary dies before request %d", k.n)
	switch {
	case k.later > 0:
		text = fmt.Sprintf("a canary dies in the hold after request %d", k.n)
	case k.after:
		text = fmt.Sprintf("a canary dies after request %d", k.n)
	}
	if k.bad {
		text += ", its health is bad"
	}
	return text
}

// canaries returns the rows about workers that die in canary releases.
func canaries(t *testing.T) (all []row) {
	t.Helper()
	if crashtest.ExtentOf(t) == crashtest.Quick {
		return nil
	}
	shared := redistest.Start(t)
	for i, k := range []canaryKill{
		{n: firstLook, after: true}, {n: firstSet}, {n: firstSet, after: true}, {n: firstRaised, later: canaryHold / 3}, {n: firstCheck, after: true},
		{n: lastSet}, {n: lastSet, after: true}, {n: lastRaised, later: canaryHold / 3}, {n: lastCheck},
		{n: lastCheck, after: true, bad: true}, {n: backSet, bad: true}, {n: backSet, after: true, bad: true}, {n: putBack, after: true, bad: true},
	} {
		all = append(all, row{
			Name: k.String(), Extent: crashtest.Short,
			Expect: "each weight is set once and held as long as it says; a bad one is put back",
			Do: func(t *testing.T) *site {
				t.Helper()
				s := newSite(t, target{Addrs: []string{shared.Addr()}}, fmt.Sprintf("c%d:", i))
				releaseAt(s, k)
				return s
			},
		})
	}
	return all
}

// releaseAt releases three tenants in a worker that dies at k. A second worker goes on.
func releaseAt(s *site, k canaryKill) {
	s.Helper()
	tenants := []string{"t-1", "t-2", "t-3"}
	services := newCanaryServices(tenants, k)
	server := httptest.NewServer(services)
	s.Cleanup(server.Close)
	s.own.Canary = server.URL
	services.victim = s.worker("first")
	p, err := s.Engine.Create(s.Context(), plan.Spec{
		Name: "canary", ExecutorType: canary.Type, Tenants: plan.Tenants(tenants...),
		Strategy: strategy.Strategy{MaxConcurrency: strategy.Count(3)},
	}, cutover.ExecutorElsewhere())
	if err == nil {
		_, err = s.Engine.Start(s.Context(), p.ID)
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Plan = p.ID
	select {
	case <-services.victim.Ended:
	case <-time.After(crashtest.Timeout):
		s.Fatalf("the worker was not killed\n%s", s.Tail())
	}
	s.worker("second")
	want := plan.Completed
	if k.bad {
		want = plan.Failed
	}
	s.FinishAs(s.Plan, want)
	services.judge(s, tenants)
}

// canaryServices are weights and a health service that note the times of requests, and kill a
// worker.
type canaryServices struct {
	world  *canarytest.World
	kill   canaryKill
	victim *crashtest.Proc // set before the plan is created

	mu       sync.Mutex
	requests int                      // for the first tenant
	set      map[string]time.Time     // when a weight was set, by tenant and weight
	held     map[string]time.Duration // how long it was held before the first check
}

func newCanaryServices(tenants []string, k canaryKill) *canaryServices {
	c := &canaryServices{world: canarytest.NewWorld(), kill: k, set: map[string]time.Time{}, held: map[string]time.Duration{}}
	for _, id := range tenants {
		c.world.Put(canarytest.Tenant{ID: id})
	}
	return c
}

// ServeHTTP implements http.Handler.
func (c *canaryServices) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tenant := strings.Split(r.URL.Path, "/")[2]
	now := false
	if tenant == "t-1" {
		c.mu.Lock()
		c.requests++
		now = c.requests == c.kill.n
		c.mu.Unlock()
	}
	if now && !c.kill.after && c.kill.later == 0 {
		c.victim.Kill()
		panic(http.ErrAbortHandler)
	}
	c.answer(w, r, tenant)
	if now && c.kill.after {
		c.victim.Kill()
	}
	if now && c.kill.later > 0 {
		time.AfterFunc(c.kill.later, c.victim.Kill)
	}
}

// answer answers a request, and notes when weights are set and checked.
func (c *canaryServices) answer(w http.ResponseWriter, r *http.Request, tenant string) {
	if strings.HasSuffix(r.URL.Path, "/weight") {
		c.world.Weights().ServeHTTP(w, r)
		weight, _ := c.world.Weight(tenant)
		if r.Method == http.MethodPut {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.set[fmt.Sprint(tenant, weight)] = time.Now()
		}
		return
	}
	weight := r.FormValue("weight")
	verdict := "passed"
	if c.kill.bad && tenant == "t-1" && weight == "100" {
		verdict = "failed"
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.set[tenant+weight]; c.held[tenant+weight] == 0 {
		c.held[tenant+weight] = time.Since(at)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"verdict":%q,"figures":{"errorRate":0.5}}`, verdict)
}

// judge checks what became of the tenants: which weights were set, under which tokens, and how long
// they were held. A put-back may be made by both workers.
func (c *canaryServices) judge(s *site, tenants []string) {
	s.Helper()
	for i, tenant := range tenants {
		bad := c.kill.bad && i == 0
		var set []int
		for _, call := range c.world.Calls(tenant, canarytest.SetWeight) {
			if call.Applied {
				set = append(set, call.To)
			}
		}
		want := []int{50, 100}
		if bad {
			want = append(want, 0)
		}
		if got := slices.Compact(set); !slices.Equal(got, want) || len(set) > len(want)+1 || !bad && len(set) > len(want) {
			s.Errorf("%s: weights set: %d", tenant, set)
		}
		for _, weight := range []string{"50", "100"} {
			c.mu.Lock()
			held := c.held[tenant+weight]
			c.mu.Unlock()
			if held < canaryHold {
				s.Errorf("%s: %s percent were held for %s", tenant, weight, held)
			}
		}
		t, err := s.Store.Task(s.Context(), task.NewID(s.Plan, i+1))
		if err != nil {
			s.Fatal(err)
		}
		code := ""
		if t.Failure != nil {
			code = t.Failure.ErrorCode
		}
		if expected := map[bool]string{true: canary.CodeHealthFailed}[bad]; code != expected || t.Attempt != 1 {
			s.Errorf("%s: %s in attempt %d, want %s", tenant, cmp.Or(code, t.State.String()), t.Attempt, expected)
		}
	}
}
