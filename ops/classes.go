package ops

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// class is a class of errors of the engine, with the problem that it becomes.
type class struct {
	// is reports whether an error is of the class.
	is   func(error) bool
	code code
	// fill adds the facts of the error to the problem; nil if there are none.
	fill func(*problem, error)
}

// classes are all classes of errors, the more specific first: the first that matches counts. An
// error of none of them is an internal one.
func classes() []class {
	return []class{
		{matches(plan.ErrInvalid), codeInvalid, fillFaults},
		{matches(cutover.ErrUnknownExecutor), codeUnknownExecutor, fillExecutor},
		{matches(plan.ErrVersion), codeVersion, fillVersion},
		{matches(plan.ErrSweepsFull), codeQueueFull, fillSweeps},
		{matches(plan.ErrNotApplicable), codeNotApplicable, fillState},
		{matches(cutover.ErrCannotUndo), codeCannotUndo, fillCannotUndo},
		{matches(store.ErrTenantHeld), codeTenantHeld, fillHolders},
		{matches(store.ErrKeyReused), codeKeyReused, nil},
		{matches(store.ErrCreating), codeCreating, again},
		{matches(cutover.ErrStarting), codeStarting, again},
		{matches(cutover.ErrAdding), codeAdding, again},
		{matches(store.ErrNotFound), codeNotFound, nil},
		{matches(store.ErrTrimmed), codeEventsTrimmed, fillTrimmed},
		{matches(store.ErrEventsAhead), codeEventsAhead, fillAhead},
		{matches(store.ErrInvalid), codeRefused, fillRefused},
		{matches(store.ErrConflict), codeConflict, again},
		{store.Temporary, codeUnavailable, fillTemporary},
		{matches(store.ErrCorrupt), codeCorrupt, nil},
		{matches(context.DeadlineExceeded), codeTimeout, again},
	}
}

func matches(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// problemOf returns the problem that an error of an endpoint becomes.
func problemOf(err error) *problem {
	var own *problem
	if errors.As(err, &own) {
		return own
	}
	for _, c := range classes() {
		if !c.is(err) {
			continue
		}
		p := newProblem(c.code)
		if c.fill != nil {
			c.fill(p, err)
		}
		return p
	}
	return newProblem(codeInternal)
}

// again tells the client to try again in a second.
func again(p *problem, _ error) { p.retryAfter = 1 }

func fillFaults(p *problem, err error) {
	var e *plan.InvalidError
	var n *namedFaults
	switch {
	case errors.As(err, &n):
		p.Faults, p.FaultCount = n.faults, n.total
	case errors.As(err, &e):
		p.Faults, p.FaultCount = wire.Faults(e.Faults), e.Total
	}
	if errors.Is(err, cutover.ErrUnknownExecutor) {
		fillExecutor(p, err)
	}
}

// namedFaults are the faults of a *plan.InvalidError with the fields as the request names them.
type namedFaults struct {
	error
	faults []wire.Fault
	total  int
}

func (n *namedFaults) Unwrap() error { return n.error }

// named adds to an error the names of the fields that are faulty.
func named(err error, names func([]plan.Fault) []wire.Fault) error {
	var e *plan.InvalidError
	if !errors.As(err, &e) {
		return err
	}
	return &namedFaults{err, names(e.Faults), e.Total}
}

func fillExecutor(p *problem, _ error) {
	if slices.ContainsFunc(p.Faults, func(f wire.Fault) bool { return f.Field == "executorType" }) {
		return // it is empty, or no name at all
	}
	p.Faults = append(p.Faults, wire.Fault{Field: "executorType", Problem: "is none that this process has"})
	p.FaultCount++
}

func fillVersion(p *problem, err error) {
	var e *plan.VersionError
	if errors.As(err, &e) {
		p.Params = map[string]any{"version": e.Found}
		p.Detail = fmt.Sprintf("The command is for version %d, the plan has version %d.", e.Want, e.Found)
	}
}

func fillState(p *problem, err error) {
	var e *plan.StateError
	if !errors.As(err, &e) {
		return
	}
	p.Detail = e.Error()
	p.Params = map[string]any{"command": e.Command, "planState": e.PlanState}
	if e.Task != 0 {
		p.Params["taskState"] = e.TaskState
	}
	if e.Worker != "" {
		p.Params["worker"] = e.Worker
	}
}

func fillCannotUndo(p *problem, err error) {
	var e *cutover.CannotUndoError
	if errors.As(err, &e) {
		p.Params = map[string]any{"executorType": e.ExecutorType}
	}
}

func fillSweeps(p *problem, err error) {
	var e *plan.SweepsFullError
	if errors.As(err, &e) && len(e.Sweeps) > 0 {
		first := &e.Sweeps[0]
		p.Detail = e.Error()
		p.Params = map[string]any{
			"underWay": len(e.Sweeps), "kind": first.Kind, "actor": first.Actor, "after": first.After, "taskCount": e.TaskCount,
		}
	}
}

// fillHolders names the tenants, and not the plans: see call.nameHolders.
func fillHolders(p *problem, err error) {
	var e *store.TenantHeldError
	if !errors.As(err, &e) {
		return
	}
	held := make([]holder, len(e.Held))
	for i, l := range e.Held {
		held[i].TenantID = l.Tenant
	}
	p.Params = map[string]any{"held": held}
}

func fillTrimmed(p *problem, err error) {
	var e *store.TrimmedError
	if errors.As(err, &e) {
		p.Params = map[string]any{"first": e.First}
	}
}

func fillAhead(p *problem, err error) {
	var e *store.EventsAheadError
	if errors.As(err, &e) {
		p.Params = map[string]any{"newest": e.Newest}
	}
}

func fillRefused(p *problem, err error) {
	var e *store.InvalidError
	if errors.As(err, &e) {
		p.Faults, p.FaultCount = wire.Faults(e.Faults), len(e.Faults)
		return
	}
	p.Detail = err.Error()
}

func fillTemporary(p *problem, err error) {
	var e *store.TemporaryError
	if errors.As(err, &e) {
		p.retryAfter = max(1, int(math.Ceil(e.After.Seconds())))
	}
	p.retryAfter = min(p.retryAfter, int(time.Hour.Seconds()))
}
