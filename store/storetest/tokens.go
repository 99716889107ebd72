package storetest

import (
	"math/rand/v2"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

func tokenCases() []testCase {
	return []testCase{
		{name: "over plans", run: tokensOverPlans},
		{name: "of a retry", run: tokensOfRetry},
		{name: "of a tenant that was locked late", run: tokensOfLateLock},
		{name: "a command that is sent again", run: tokensRepeated},
		{name: "of a tenant that is locked for a claim", run: tokensOfClaim},
		{name: "over steps of the clock", run: tokensOverSteps, skews: true},
	}
}

// gateway is a service that remembers the greatest token that has written for a tenant.
type gateway struct {
	*env
	newest task.Token
}

// takes claims the next task of a plan, and writes to the gateway as its worker.
func (g *gateway) takes(r *rollout) *job {
	g.Helper()
	j := r.take("worker", 1)[0]
	g.write(j)
	return j
}

func (g *gateway) write(j *job) {
	g.Helper()
	if j.Token <= g.newest {
		g.Errorf("task %s: token %d after %d", j.ID, j.Token, g.newest)
	}
	g.newest = max(g.newest, j.Token)
}

// often claims and yields a task many times, faster than any clock ticks, and returns the last
// claim.
func (g *gateway) often(r *rollout) *job {
	g.Helper()
	j := g.takes(r)
	for range 20 {
		r.do(j.work(store.Yield))
		j = g.takes(r)
	}
	return j
}

// tokensOverPlans: tokens grow when several plans work on a tenant, one after the other.
func tokensOverPlans(e *env) {
	g := &gateway{env: e}
	for range 5 {
		r := e.start(1, concurrently(1))
		r.do(g.often(r).work(store.Complete))
	}
}

// tokensOfRetry: tokens grow when a plan retries a task after another plan has worked on the
// tenant.
func tokensOfRetry(e *env) {
	g := &gateway{env: e}
	one := e.start(1, concurrently(1))
	one.do(g.takes(one).work(store.Fail))
	two := e.start(1, concurrently(1))
	two.do(g.often(two).work(store.Complete))
	failed := one.task(1)
	one.raised(func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failed, task.FromScratch, by()) })
	one.do(g.takes(one).work(store.Complete))
}

// tokensOfLateLock: an undo that was claimed before its tenant was locked, and was then yielded
// with RaiseTokens, gets a greater token than the plan that worked on the tenant in between.
func tokensOfLateLock(e *env) {
	g := &gateway{env: e}
	one := e.start(1, concurrently(1))
	one.do(g.takes(one).work(store.Complete))
	two := e.start(1, concurrently(1))
	one.give(plan.Plan.Rollback)
	one.settle()
	early := one.take("worker", 1)[0]
	two.do(g.often(two).work(store.Complete))
	w := early.work(store.Yield)
	w.RaiseTokens = true
	for range 2 { // the second time as after a lost answer
		got := one.do(w)
		equal(e, "state", got.State, task.RollingBack)
	}
	one.do(g.takes(one).work(store.Undone))
}

// tokensRepeated: a repeated command with RaiseTokens is recognized, and does not affect a worker
// that has claimed the task since the command was first applied.
func tokensRepeated(e *env) {
	g := &gateway{env: e}
	r := e.start(2, concurrently(2))
	r.do(g.takes(r).work(store.Fail))
	failed := r.task(1)
	c := r.decision(func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failed, task.FromScratch, by()) })
	c.RaiseTokens = true
	r.send(c)
	j := g.often(r)
	if a, err := r.Apply(r.ctx, c); err != nil || !a.Repeated {
		e.Errorf("sent again: repeated %v, %v", a.Repeated, err)
	}
	r.do(j.work(store.Complete))
}

// tokensOfClaim: a claim with RaiseTokens gets a greater token than the plan that worked on the
// tenant before, although its own plan was started earlier.
func tokensOfClaim(e *env) {
	g := &gateway{env: e}
	for range 20 {
		late := e.start(1, concurrently(1))
		early := e.start(1, concurrently(1))
		early.do(g.often(early).work(store.Complete))
		g.write(choose(late, store.Claim{Pending: []int{1}, RaiseTokens: true})[0])
	}
}

// tokensOverSteps: tokens grow when a tenant moves from plan to plan while the store's clock is set
// back and forth. A plan that takes the tenant over sets RaiseTokens, in a command or in the claim;
// no other call does.
func tokensOverSteps(e *env) {
	seed := uint64(time.Now().UnixNano())
	e.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a seed for repetition, no secret
	g := &gateway{env: e}
	plans := []*rollout{e.start(1, concurrently(1))}
	waiting := make([]*rollout, 20) // they take the tenant when they claim
	for i := range waiting {
		waiting[i] = e.start(1, concurrently(1))
	}
	owner := 0
	j := g.takes(plans[0])
	for range 60 {
		steps := []time.Duration{0, -2 * time.Second, 2 * time.Second, -time.Minute, time.Minute, -time.Hour, time.Hour}
		e.h.Skew(e.TB, e.Store, steps[dice.IntN(len(steps))])
		r := plans[owner]
		switch dice.IntN(4) {
		case 0: // the next worker of the same task
			r.do(j.work(store.Yield))
		case 1: // a new plan
			r.do(j.work(store.Fail))
			owner = len(plans)
			plans = append(plans, e.start(1, concurrently(1)))
		case 2: // a plan that has worked on the tenant, perhaps the last one
			r.do(j.work(store.Fail))
			owner = dice.IntN(len(plans))
			failed := plans[owner].task(1)
			plans[owner].raised(func(p plan.Plan) (plan.Decision, error) { return p.RetryTask(failed, task.FromCheckpoint, by()) })
		case 3: // a plan that was started before
			if len(waiting) == 0 {
				continue
			}
			r.do(j.work(store.Fail))
			owner = len(plans)
			plans, waiting = append(plans, waiting[0]), waiting[1:]
			j = choose(plans[owner], store.Claim{Pending: []int{1}, RaiseTokens: true})[0]
			g.write(j)
			continue
		}
		j = g.takes(plans[owner])
	}
}
