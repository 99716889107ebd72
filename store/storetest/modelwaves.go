package storetest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// onward takes the plan on a few times in a row, so that some plans get far in their waves.
func (m *machine) onward(rt *rapid.T) {
	for range rapid.IntRange(1, 4).Draw(rt, "steps") {
		m.stepOn(rt)
	}
}

// stepOn ends the tasks that workers hold, together with a claim, and lets an engine or an operator
// take the plan on.
func (m *machine) stepOn(rt *rapid.T) {
	b := store.Batch{Claim: m.newClaim(rt)}
	for i := range m.o.tasks {
		t := &m.o.tasks[i]
		last := slices.IndexFunc(m.jobs, func(j *job) bool { return j.ID == t.ID && j.Token == t.Token })
		if t.Worker == "" || last < 0 {
			continue
		}
		kind := store.Complete
		if rapid.IntRange(0, 7).Draw(rt, "fails") == 0 {
			kind = store.Fail
		}
		if t.State == task.RollingBack {
			kind = store.Undone
		}
		b.Changes = append(b.Changes, m.jobs[last].work(kind))
	}
	m.commit(rt, b)
	next := rapid.SampledFrom([]command{
		settleStep, settleStep, plan.Plan.Resume,
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(0, by) },
	}).Draw(rt, "next")
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) { return next(p, by()) })
}

func settleStep(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Settle(by.Now), nil }

// gate gives one of the commands on waves and strategies.
func (m *machine) gate(rt *rapid.T) {
	n := rapid.IntRange(0, 4).Draw(rt, "wave")
	commands := []command{
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(0, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Approve(n, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Reject(n, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Tune(drawTuning(rt, n), by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.Tune(drawTuning(rt, n), by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RollbackWave(n, by) },
		func(p plan.Plan, by plan.By) (plan.Decision, error) { return p.RollbackWave(max(1, p.Wave-n), by) },
	}
	c := rapid.SampledFrom(commands).Draw(rt, "command")
	later := rapid.IntRange(0, 4).Draw(rt, "later") == 0
	m.decide(rt, later, func(p plan.Plan) (plan.Decision, error) { return c(p, by()) })
}

// edge writes a grant that opens or closes in a few milliseconds, as a window would. Any decision
// of the plan's own takes it back.
func (m *machine) edge(rt *rapid.T) {
	if m.o.plan.State != plan.Running || len(m.o.plan.Rules().Windows) > 0 {
		rt.Skip("nothing to open or close")
	}
	opens := rapid.Bool().Draw(rt, "opens")
	in := time.Duration(rapid.IntRange(0, 3).Draw(rt, "in")) * time.Millisecond
	m.decide(rt, false, func(p plan.Plan) (plan.Decision, error) {
		at := p.Now.Add(in).Truncate(time.Millisecond)
		p.Grant.NotBefore, p.Grant.NotAfter = time.Time{}, time.Time{}
		if opens {
			p.Grant.NotBefore = at
		} else {
			p.Grant.NotAfter = at
		}
		return plan.Decision{Plan: p, Changed: true}, nil
	})
}

// clock reads the plan until the store's clock has come to the end of a bake, or to a time of the
// grant, that is near.
func (m *machine) clock(rt *rapid.T) {
	p := &m.o.plan
	bakes := p.WaveEndedAt
	if rules := p.Rules(); !bakes.IsZero() {
		bakes = bakes.Add(rules.Bake(max(1, p.Wave), max(1, len(p.Waves))))
	}
	until := m.o.now
	for _, at := range []time.Time{bakes, p.Grant.NotBefore, p.Grant.NotAfter} {
		if at.After(until) && at.Before(m.o.now.Add(10*time.Millisecond)) {
			until = at
		}
	}
	if until.Equal(m.o.now) {
		rt.Skip("nothing is near")
	}
	for now := m.o.now; now.Before(until); {
		m.call(rt, func() error {
			p, err := m.store.Plan(m.ctx, m.id)
			now = p.Now
			return err
		})
	}
}
