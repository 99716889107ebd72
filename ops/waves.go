package ops

import (
	"context"
	"strconv"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// approveWave approves of a wave. The caller has to name the version that he has seen, because what
// he approves of is the state of the waves before.
func approveWave(c *call, id plan.ID, _ *wire.Command, opts []cutover.CommandOption) (cutover.PlanResult, error) {
	wave, err := c.wave()
	switch {
	case err != nil:
		return cutover.PlanResult{}, err
	case c.seen == 0:
		return cutover.PlanResult{}, newProblem(codeVersionRequired)
	}
	p, err := c.engine.Plan(c.r.Context(), id)
	switch {
	case err != nil:
		return cutover.PlanResult{}, err
	case c.own(&p):
		return cutover.PlanResult{}, newProblem(codeSelfApproval)
	}
	return c.engine.Approve(c.r.Context(), id, wave, opts...)
}

// own reports whether the caller may not approve of the waves of a plan because he has created or
// started it himself.
func (c *call) own(p *plan.Plan) bool {
	actor := task.Cut(c.caller.Actor(), maxActor)
	return !c.cfg.SelfApproval && actor != "" && (actor == p.CreatedBy || actor == p.StartedBy)
}

// maxActor is how many bytes of an actor plans keep.
const maxActor = 256

// waveCommand serves a command on a wave that has only a reason.
func waveCommand(give func(Engine, context.Context, plan.ID, int, ...cutover.CommandOption) (cutover.PlanResult, error)) serveFunc {
	return onPlan(func(c *call, id plan.ID, _ *wire.Command, opts []cutover.CommandOption) (cutover.PlanResult, error) {
		wave, err := c.wave()
		if err != nil {
			return cutover.PlanResult{}, err
		}
		return give(c.engine, c.r.Context(), id, wave, opts...)
	})
}

// wave returns the number of the wave that the path names.
func (c *call) wave() (int, error) {
	text := c.r.PathValue("wave")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > strategy.MaxWaves || strconv.Itoa(n) != text {
		return 0, store.ErrNotFound
	}
	c.command.Wave = n
	return n, nil
}
