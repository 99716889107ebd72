package storeclient

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// maxRaces bounds how often a decision is made again because the plan has changed between the read
// and the commit.
const maxRaces = 1000

// Decide reads the plan, calls f to decide, and commits the decision. After a conflict, in the
// commit or returned by f, Decide reads the plan and calls f again. It returns the last decision
// and the resulting plan. It commits nothing if f returns another error, or a decision that changes
// nothing.
func (c *Client) Decide(ctx context.Context, id plan.ID, f func(plan.Plan) (plan.Decision, error)) (plan.Decision, plan.Plan, error) {
	return c.DecideAs(ctx, "", id, f)
}

// DecideAs is Decide for a command with an id of its own, by which the plan remembers it: see
// [Client.Remembers]. An empty id means that the command has none.
func (c *Client) DecideAs(
	ctx context.Context, command string, id plan.ID, f func(plan.Plan) (plan.Decision, error),
) (plan.Decision, plan.Plan, error) {
	for range maxRaces {
		p, err := c.Plan(ctx, id)
		if err != nil {
			return plan.Decision{}, plan.Plan{}, err
		}
		d, err := f(p)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil || !d.Changed {
			return d, p, err
		}
		after, err := c.apply(ctx, cmp.Or(command, rand.Text()), p, d)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		return d, after, err
	}
	return plan.Decision{}, plan.Plan{}, fmt.Errorf("plan %s: %w, %d times in a row", id, store.ErrConflict, maxRaces)
}

// Apply commits a decision made on p and returns the resulting plan. The error matches
// store.ErrConflict if the plan has changed since p was read.
func (c *Client) Apply(ctx context.Context, p plan.Plan, d plan.Decision) (plan.Plan, error) {
	return c.apply(ctx, rand.Text(), p, d)
}

func (c *Client) apply(ctx context.Context, id string, p plan.Plan, d plan.Decision) (plan.Plan, error) {
	command := store.Command{ID: id, Version: p.Version, Failed: -1, RaiseTokens: raisesTokens(p, d), Decision: d}
	if judgesFailures(p, d) {
		command.Failed = p.Counters.Of(task.Failed)
	}
	var applied store.Applied
	err := c.Do(ctx, "apply", func() (err error) {
		applied, err = c.Store.Apply(ctx, command)
		return err
	})
	if err != nil {
		return plan.Plan{}, err
	}
	c.opts.Applied(applied.Plan, d.Events)
	c.opts.Changed(p.ID)
	return applied.Plan, nil
}

// judgesFailures reports whether a decision on p is one about the failures counted in p: it
// acknowledges them, tunes how many are tolerated, or makes the plan run again in spite of them.
// Workers may fail further tasks before the commit, which does not change the plan's version.
func judgesFailures(p plan.Plan, d plan.Decision) bool {
	return d.Plan.Acknowledged != p.Acknowledged || !d.Plan.Tuning.Equal(p.Tuning) ||
		d.Plan.State == plan.Running && p.State != plan.Running
}

// Remembers reports whether the plan remembers a command with this id, and returns the plan if it
// does. It asks by a commit that cannot succeed otherwise, because no plan has version 0.
func (c *Client) Remembers(ctx context.Context, command string, id plan.ID) (p plan.Plan, remembers bool, err error) {
	var applied store.Applied
	err = c.Do(ctx, "apply", func() (err error) {
		applied, err = c.Store.Apply(ctx, store.Command{ID: command, Failed: -1, Decision: plan.Decision{Plan: plan.Plan{ID: id}}})
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return plan.Plan{}, false, nil
	}
	return applied.Plan, applied.Repeated, notFound(err, "plan", id)
}

// raisesTokens reports whether the commit of a decision on p has to raise the tokens, because
// tenants were, or may have been, locked before it: by a start, an addition, for a retry or a
// rollback, or by a worker that was lost. Tokens that are given after the commit have to be greater
// than those of every earlier task that worked on the tenants.
func raisesTokens(p plan.Plan, d plan.Decision) bool {
	return d.Plan.StartToken != p.StartToken || d.Plan.TaskCount != p.TaskCount || d.Plan.Undo.Round != p.Undo.Round ||
		slices.ContainsFunc(d.Edits, func(e task.Edit) bool { return e.State.InFlight() })
}

// notFound adds to a store.ErrNotFound the kind and the id of what was not found.
func notFound(err error, kind string, id fmt.Stringer) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%s %s: %w", kind, id, err)
	}
	return err
}
