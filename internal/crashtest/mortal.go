//go:build crash

package crashtest

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

// Death says when a worker kills or freezes itself: at the Nth call of an operation, either before
// the call is sent or after it was carried out but before the engine sees the result. The zero
// value means never.
type Death struct {
	Op     string
	After  bool
	N      int
	Freeze bool // the worker stops, as by SIGSTOP, and goes on with the call once it is thawed
}

func (d Death) String() string {
	when := "before"
	if d.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, d.Op, d.N)
}

// Fate says what happens at d.
func (d Death) Fate() string {
	if d.Freeze {
		return "freezes " + d.String()
	}
	return "dies " + d.String()
}

// Frozen returns the same calls, at which workers freeze.
func Frozen(all []Death) []Death {
	all = slices.Clone(all)
	for i := range all {
		all[i].Freeze = true
	}
	return all
}

// Waits reports whether the plan has to have waits for the worker to die.
func (d Death) Waits() bool { return d.Op == OpHold || d.Op == opBackoff || d.Op == opProving }

// BothSides returns two deaths for each call, one before and one after it.
func BothSides(calls ...Death) []Death {
	var all []Death
	for _, d := range calls {
		all = append(all, d)
		d.After = true
		all = append(all, d)
	}
	return all
}

// The operations at which workers die.
const (
	OpClaim      = "claim"
	opUndo       = "undo entry"
	OpSave       = "save"
	OpComplete   = "complete"
	OpUndone     = "undone"
	OpUndoFail   = "undo failure"
	OpYield      = "hand-back"
	OpHold       = "hold"
	opBackoff    = "backoff"
	opProving    = "proving"
	OpRenew      = "heartbeat"
	OpApply      = "command"
	opBegin      = "begin create"
	opAdd        = "add tenants"
	opFinish     = "finish create"
	OpReserve    = "reserve"
	OpRelease    = "release"
	opReschedule = "reschedule"
	OpFail       = "failure"
	OpTune       = "tuning"
	OpApprove    = "approval"
	OpAsk        = "question for an approval"
	OpBake       = "end of a bake"
	OpWave       = "opening of a wave"
	OpBreach     = "breach"
	OpUndoOpens  = "opening of a wave's undo"
	OpUndoEnds   = "end of a wave's undo"
)

// mortal returns a store that kills its process at d.
func mortal(s store.Store, d Death) store.Store {
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
func (d Death) happen() {
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
		return OpClaim
	case "Commit":
		return opOfChange(c.Batch.Changes[0])
	case "Heartbeat":
		return OpRenew
	case "Apply":
		return opOfCommand(c.Command)
	case "BeginCreate":
		return opBegin
	case "AddTenants":
		return opAdd
	case "FinishCreate":
		return opFinish
	case "Reserve":
		return OpReserve
	case "Release":
		return OpRelease
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
		return OpSave
	case store.Complete:
		return OpComplete
	case store.Undone:
		return OpUndone
	case store.UndoFail:
		return OpUndoFail
	case store.Yield:
		if w.RaiseTokens {
			return "other" // the worker keeps the task, with a greater token
		}
		return OpYield
	case store.Defer:
		return opOfWait(w.Wait)
	case store.Fail:
		return OpFail
	}
	return "other"
}

// opOfCommand returns the operation of a command: by the first of these causes that its events
// have, because one step often leads to the next.
func opOfCommand(c *store.Command) string {
	if len(c.Events) == 0 && c.Plan.Undo.OfWave() && c.Plan.Undo.Open {
		return OpUndoOpens
	}
	if slices.ContainsFunc(c.Events, func(e plan.Event) bool { return e.Wave > 0 && e.Cause == plan.ByUndo.String() }) {
		return OpUndoEnds
	}
	for _, x := range []struct {
		cause plan.Cause
		op    string
	}{{plan.ByBreach, OpBreach}, {plan.ByTune, OpTune}, {plan.ByApprove, OpApprove}, {plan.ByBake, OpBake}, {plan.ByApproval, OpAsk}, {plan.ByWave, OpWave}} {
		if slices.ContainsFunc(c.Events, func(e plan.Event) bool { return e.Task == 0 && e.Cause == x.cause.String() }) {
			return x.op
		}
	}
	return OpApply
}

func opOfWait(why task.WaitReason) string {
	switch why {
	case task.WaitHold:
		return OpHold
	case task.WaitBackoff:
		return opBackoff
	case task.WaitProving:
		return opProving
	case task.NoWait, task.WaitPlace:
	}
	return "other"
}
