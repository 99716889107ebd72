package redisstore

import (
	"math/rand"
	"testing"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// What the client derives from rules and facts, whether a plan is at rest and has pending tasks to
// claim, is what package plan says: for plans with waves and without, in every state and at every
// gate.
func TestRulesSayWhatThePlanSays(t *testing.T) {
	t.Parallel()
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	seen := make(map[[2]bool]int)
	for range 200_000 {
		p, next := drawPlan(r)
		rules := parseRules(formatRules(&p))
		f := facts{Facts: p.Facts, nextPending: next, crowded: crowded(&p)}
		if p.Wave > 0 {
			f.wave = p.WaveCounters[p.Wave-1]
		}
		can, sure := claimable(&rules, &f)
		exempt := p.State == plan.Paused && p.Counters.Exempt > 0 // nobody but the server knows what waits for a worker
		if !rules.ok || sure == exempt && p.Counters.Slots() < p.Grant.MaxSlots || rules.atRest(&f) != p.AtRest() || sure && can != p.Claimable() {
			t.Fatalf("at rest %t, want %t; claimable %t, want %t, of\n%+v", rules.atRest(&f), p.AtRest(), can, p.Claimable(), p)
		}
		seen[[2]bool{p.AtRest(), p.Claimable()}]++
	}
	for _, how := range [][2]bool{{false, false}, {true, false}, {false, true}} {
		if seen[how] < 1000 {
			t.Errorf("at rest %t, claimable %t: only %d plans", how[0], how[1], seen[how])
		}
	}
}

// Whether the tasks in flight without a worker can be claimed depends, while undos are being
// stopped or only exempt tasks run, on which of them they are. What the client cannot tell, it asks
// the server.
func TestClaimableByWhatIsInFlight(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		claims               claimRule
		stops, breached      bool
		running, undos, held int
		starting, exempt     int  // of those that run without a worker
		due                  bool // one of them has waited, and no slot is free
		yes, sure            bool
	}{
		{running: 1, sure: true},
		{undos: 1},
		{undos: 1, due: true},
		{undos: 1, held: 1, sure: true},
		{stops: true, undos: 1, sure: true},
		{stops: true, undos: 1, due: true, sure: true},
		{claims: claimsAll, running: 1, undos: 1, yes: true, sure: true},
		{claims: claimsAll, running: 1, undos: 1, due: true, yes: true, sure: true},
		{claims: claimsAll, stops: true, running: 1, yes: true, sure: true},
		{claims: claimsAll, stops: true, running: 1, due: true, yes: true, sure: true},
		{claims: claimsAll, stops: true, running: 1, undos: 1},
		{claims: claimsAll, stops: true, running: 1, undos: 1, due: true},
		{claims: claimsAll, stops: true, running: 1, undos: 1, held: 2, sure: true},
		{claims: claimsAll, running: 1, starting: 1, yes: true, sure: true},
		{claims: claimsAll, breached: true, running: 1, starting: 1, sure: true},
		{claims: claimsAll, breached: true, running: 2, starting: 1, yes: true, sure: true},
		{claims: claimsAll, breached: true, stops: true, running: 1, undos: 1, starting: 1},
		{claims: claimsStarted, running: 1, starting: 1, sure: true},
		{claims: claimsStarted, running: 2, starting: 1, yes: true, sure: true},
		{claims: claimsStarted, running: 1, undos: 1, starting: 1, yes: true, sure: true},
		{claims: claimsExempt, running: 1, sure: true},
		{claims: claimsExempt, running: 2, exempt: 1},
		{claims: claimsExempt, running: 2, exempt: 1, due: true},
		{claims: claimsExempt, stops: true, running: 1, undos: 1, exempt: 1},
		{claims: claimsExempt, stops: true, running: 1, undos: 1, sure: true},
		{claims: claimsNone, stops: true, running: 1, undos: 1, exempt: 1, sure: true},
	} {
		r := rules{claims: c.claims, undosStop: c.stops, grant: strategy.Grant{MaxSlots: 9}}
		var f facts
		f.Now, f.Breached = time.Unix(1_700_000_000, 0), c.breached
		f.Counters.States[task.Running], f.Counters.States[task.RollingBack], f.Counters.Held = c.running, c.undos, c.held
		f.Counters.Starting, f.Counters.Exempt = c.starting, c.exempt
		if c.due {
			f.Counters.Waiting, f.NextDue, r.grant.MaxSlots = 1, f.Now, 1
		}
		if yes, sure := claimable(&r, &f); yes != c.yes || sure != c.sure {
			t.Errorf("%+v: claimable %t, sure %t", c, yes, sure)
		}
	}
}

// drawPlan draws a plan of which nothing is being undone, and the ordinal from which its pending
// tasks are looked for. Failures above a bound have breached it, as the scripts see to.
func drawPlan(r *rand.Rand) (p plan.Plan, next int) {
	p.Now = time.Unix(1_700_000_000, 0).UTC()
	p.State = []plan.State{plan.Running, plan.Running, plan.Running, plan.Created, plan.Paused, plan.Failed, plan.Completed}[r.Intn(7)]
	states := []task.State{task.Completed, task.Completed, task.Skipped, task.Paused, task.Failed, task.Running}[:3+r.Intn(4)]
	last, waves := 0, r.Intn(4)
	for range waves {
		last += 1 + r.Intn(3)
		p.Waves = append(p.Waves, plan.Wave{Last: last, MaxFailed: r.Intn(4)})
	}
	if p.TaskCount = last; waves == 0 {
		p.TaskCount = 1 + r.Intn(3)
	}
	p.WaveCounters = make([]plan.WaveCounters, waves)
	p.Strategy.Waves = make([]strategy.Wave, waves)
	p.Wave, p.Gate = r.Intn(waves+1), plan.Gate(r.Intn(plan.NumGates))
	p.Strategy.BakeTime = []time.Duration{0, time.Hour}[r.Intn(2)]
	p.Grant = strategy.Grant{MaxSlots: r.Intn(4), MaxFailed: r.Intn(4), Strict: r.Intn(3) == 0}
	if p.State == plan.Running {
		p.Grant.LastOrdinal = p.TaskCount
		if waves > 0 {
			p.Grant.LastOrdinal = 0
			if p.Wave > 0 {
				p.Grant.LastOrdinal = p.Waves[p.Wave-1].Last
			}
		}
	}
	p.Grant.NotBefore = []time.Time{{}, {}, p.Now, p.Now.Add(1)}[r.Intn(4)]
	p.Grant.NotAfter = []time.Time{{}, {}, p.Now, p.Now.Add(1)}[r.Intn(4)]
	drawTasks(r, &p, states, &next)
	if n := p.Counters.Of(task.Failed); n > 0 {
		p.Grant.MaxSameFailures = r.Intn(4)
		p.FailureGroups = []plan.FailureGroup{{ErrorCode: "A", Failed: 1 + r.Intn(n)}}
		p.FailureGroups[0].Acknowledged = r.Intn(p.FailureGroups[0].Failed + 1)
	}
	p.Breached = p.Exceeded() || r.Intn(8) == 0
	return p, next
}

// crowded reports whether a failure group of p has more failures than are tolerated, as the scripts
// count it.
func crowded(p *plan.Plan) bool {
	limit := p.Grant.MaxSameFailures
	for _, g := range p.FailureGroups {
		if limit > 0 && g.Failed >= limit && g.Failed > g.Acknowledged {
			return true
		}
	}
	return false
}

// drawTasks draws the states of the tasks of p; most of those that may not begin yet are pending.
func drawTasks(r *rand.Rand, p *plan.Plan, states []task.State, next *int) {
	for o := 1; o <= p.TaskCount; o++ {
		s := task.Pending
		if waits := len(p.Waves) > 0 && p.WaveOf(o) > p.Wave; r.Intn(8) > 0 && !waits || waits && r.Intn(4) == 0 {
			s = states[r.Intn(len(states))]
		}
		if s == task.Pending && *next == 0 {
			*next = o
		}
		p.Counters.States[s]++
		if s == task.Running {
			p.Counters.Held += r.Intn(2)
			if p.Counters.Held < p.Counters.InFlight()-p.Counters.Starting-p.Counters.Exempt {
				p.Counters.Unhold([]task.Request{task.NoRequest, task.StartRequest, task.ExemptRequest}[r.Intn(3)], 1)
			}
		}
		if len(p.Waves) > 0 {
			p.WaveCounters[p.WaveOf(o)-1].Move(task.Pending, s)
		}
	}
	if *next == 0 {
		*next = p.TaskCount + 1
	}
	*next = 1 + r.Intn(*next) // some before it may have ended already
}
