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
	own, err := c.own(id)
	switch {
	case err != nil:
		return cutover.PlanResult{}, err
	case own:
		return cutover.PlanResult{}, newProblem(codeSelfApproval)
	}
	return c.engine.Approve(c.r.Context(), id, wave, opts...)
}

// own reports whether the caller may not approve of the waves of a plan because he has created or
// started it himself.
func (c *call) own(id plan.ID) (bool, error) {
	actor := task.Cut(c.caller.Actor(), maxActor)
	if c.cfg.SelfApproval || actor == "" {
		return false, nil
	}
	for after := int64(0); ; {
		events, err := c.engine.PlanEvents(c.r.Context(), id, after, 0)
		if err != nil || len(events) == 0 {
			return false, err
		}
		for _, e := range events {
			created, started := e.Cause == plan.ByCreate.String(), e.Cause == plan.ByStart.String()
			if (created || started) && e.Actor == actor {
				return true, nil
			}
			if started {
				return false, nil // what follows is no creation, and no start
			}
			after = e.Seq
		}
	}
}

// maxActor is how many bytes of an actor events keep.
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
