//go:build crash

package crash

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"syscall"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
	"github.com/cutover-go/cutover/task"
)

// death says when a worker kills or freezes itself: at the Nth call of an operation, either before
// the call is sent or after it was carried out but before the engine sees the result. The zero
// value means never.
type death struct {
	Op     string
	After  bool
	N      int
	Freeze bool // the worker stops, as by SIGSTOP, and goes on with the call once it is thawed
}

func (d death) String() string {
	when := "before"
	if d.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, d.Op, d.N)
}

// fate says what happens at d.
func (d death) fate() string {
	if d.Freeze {
		return "freezes " + d.String()
	}
	return "dies " + d.String()
}

// frozen returns the same calls, at which workers freeze.
func frozen(all []death) []death {
	all = slices.Clone(all)
	for i := range all {
		all[i].Freeze = true
	}
	return all
}

// waits reports whether the plan has to have waits for the worker to die.
func (d death) waits() bool { return d.Op == opHold || d.Op == opBackoff || d.Op == opProving }

// bothSides returns two deaths for each call, one before and one after it.
func bothSides(calls ...death) []death {
	var all []death
	for _, d := range calls {
		all = append(all, d)
		d.After = true
		all = append(all, d)
	}
	return all
}

// The operations at which workers die.
const (
	opClaim      = "claim"
	opUndo       = "undo entry"
	opSave       = "save"
	opComplete   = "complete"
	opUndone     = "undone"
	opUndoFail   = "undo failure"
	opYield      = "hand-back"
	opHold       = "hold"
	opBackoff    = "backoff"
	opProving    = "proving"
	opRenew      = "heartbeat"
	opApply      = "command"
	opBegin      = "begin create"
	opAdd        = "add tenants"
	opFinish     = "finish create"
	opReserve    = "reserve"
	opRelease    = "release"
	opReschedule = "reschedule"
	opFail       = "failure"
	opTune       = "tuning"
	opApprove    = "approval"
	opAsk        = "question for an approval"
	opBake       = "end of a bake"
	opWave       = "opening of a wave"
	opBreach     = "breach"
	opUndoOpens  = "opening of a wave's undo"
	opUndoEnds   = "end of a wave's undo"
)

// mortal returns a store that kills its process at d.
func mortal(s store.Store, d death) store.Store {
	var calls atomic.Int64
	return storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		fatal := opOf(c) == d.Op && int(calls.Add(1)) == d.N
		if fatal && !d.After {
			d.happen()
		}
		err := c.Do(ctx)
		if fatal && d.After {
			d.happen()
		}
		return err
	})
}

// happen ends the process as kill -9 does: nothing is flushed, closed or released. If d is a
// freeze, it stops the process instead, and returns when the process goes on.
func (d death) happen() {
	if d.Freeze {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		return
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// opOf returns the operation of a call.
func opOf(c storetest.Call) string {
	switch c.Method {
	case "Claim":
		return opClaim
	case "Commit":
		return opOfChange(c.Batch.Changes[0])
	case "Heartbeat":
		return opRenew
	case "Apply":
		return opOfCommand(c.Command)
	case "BeginCreate":
		return opBegin
	case "AddTenants":
		return opAdd
	case "FinishCreate":
		return opFinish
	case "Reserve":
		return opReserve
	case "Release":
		return opRelease
	case "Reschedule":
		return opReschedule
	}
	return "other"
}

// opOfChange returns the operation of a change. An engine's batches have one change at most.
func opOfChange(w store.Change) string {
	switch w.Kind {
	case store.Save:
		if w.Step == "" {
			return opUndo
		}
		return opSave
	case store.Complete:
		return opComplete
	case store.Undone:
		return opUndone
	case store.UndoFail:
		return opUndoFail
	case store.Yield:
		if w.RaiseTokens {
			return "other" // the worker keeps the task, with a greater token
		}
		return opYield
	case store.Defer:
		return opOfWait(w.Wait)
	case store.Fail:
		return opFail
	}
	return "other"
}

// opOfCommand returns the operation of a command: by the first of these causes that its events
// have, because one step often leads to the next.
func opOfCommand(c *store.Command) string {
	if len(c.Events) == 0 && c.Plan.Undo.OfWave() && c.Plan.Undo.Open {
		return opUndoOpens
	}
	if slices.ContainsFunc(c.Events, func(e plan.Event) bool { return e.Wave > 0 && e.Cause == plan.ByUndo.String() }) {
		return opUndoEnds
	}
	for _, x := range []struct {
		cause plan.Cause
		op    string
	}{{plan.ByBreach, opBreach}, {plan.ByTune, opTune}, {plan.ByApprove, opApprove}, {plan.ByBake, opBake}, {plan.ByApproval, opAsk}, {plan.ByWave, opWave}} {
		if slices.ContainsFunc(c.Events, func(e plan.Event) bool { return e.Task == 0 && e.Cause == x.cause.String() }) {
			return x.op
		}
	}
	return opApply
}

func opOfWait(why task.WaitReason) string {
	switch why {
	case task.WaitHold:
		return opHold
	case task.WaitBackoff:
		return opBackoff
	case task.WaitProving:
		return opProving
	case task.NoWait, task.WaitPlace:
	}
	return "other"
}
