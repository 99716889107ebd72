package storetest

import (
	"errors"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
)

// enforced skips the test if the store refused a plan because it does not enforce its strategy.
func (e *env) enforced(err error) {
	e.Helper()
	if errors.Is(err, store.ErrInvalid) {
		e.Skipf("the store does not enforce the strategy: %v", err)
	}
	e.ok(err)
}

// createEnforced creates a plan, and skips the test if the store does not enforce its strategy.
func (e *env) createEnforced(c store.Create) *rollout {
	e.Helper()
	created, err := e.BeginCreate(e.ctx, c)
	e.enforced(err)
	e.addAll(created, c.Plan.TaskCount)
	e.ok(e.FinishCreate(e.ctx, created))
	e.plans = append(e.plans, created.ID)
	return &rollout{env: e, id: created.ID}
}

// createWaved creates a plan whose waves end with these ordinals.
func (e *env) createWaved(s strategy.Strategy, lasts ...int) *rollout {
	e.Helper()
	s.Waves = append(slices.Clone(s.Waves), make([]strategy.Wave, len(lasts)-len(s.Waves))...)
	c := e.announce(lasts[len(lasts)-1], s)
	for _, last := range lasts {
		c.Plan.Waves = append(c.Plan.Waves, plan.Wave{Last: last})
	}
	return e.createEnforced(c)
}

// startWaved creates such a plan and starts it, which opens its first wave.
func (e *env) startWaved(s strategy.Strategy, lasts ...int) *rollout {
	e.Helper()
	r := e.createWaved(s, lasts...)
	r.launch()
	return r
}

// tally is WaveCounters, failed and ended.
type tally [2]int

// counted compares the counters of the plan's waves.
func (r *rollout) counted(what string, want ...tally) {
	r.Helper()
	var got []tally
	for _, c := range r.read().WaveCounters {
		got = append(got, tally{c.Failed, c.Ended})
	}
	equal(r.env, what, got, want)
}

// tolerate writes how many failures of a wave, from 1, are tolerated, whatever the strategy says.
func (r *rollout) tolerate(wave, failed int) {
	r.Helper()
	r.decide(func(p plan.Plan) (plan.Decision, error) {
		return plan.Decision{Plan: tolerant(p, wave, failed), Changed: true}, nil
	})
}

// tolerant returns p with another tolerance of a wave.
func tolerant(p plan.Plan, wave, failed int) plan.Plan {
	p.Waves = slices.Clone(p.Waves)
	p.Waves[wave-1].MaxFailed = failed
	return p
}

// claims fails the test unless plan and view say whether a claim would find tasks.
func (r *rollout) claims(what string, want bool) {
	r.Helper()
	_, view := r.commit()
	equal(r.env, what+": claimable", view.Claimable, want)
	equal(r.env, what+": claimable as read", r.read().Claimable(), want)
}
