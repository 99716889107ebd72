//go:build crash

package crash

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/storetest"
)

// death says where a worker kills itself: at the Nth call of an operation, before it
// is sent or after it was carried out, when nobody has heard of it yet. The zero
// value is no death.
type death struct {
	Op    string
	After bool
	N     int
}

func (d death) String() string {
	when := "before"
	if d.After {
		when = "after"
	}
	return fmt.Sprintf("%s %s %d", when, d.Op, d.N)
}

// bothSides returns the deaths before and after each call.
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
	opRenew      = "heartbeat"
	opApply      = "command"
	opBegin      = "begin create"
	opAdd        = "add tenants"
	opFinish     = "finish create"
	opReserve    = "reserve"
	opRelease    = "release"
	opReschedule = "reschedule"
)

// mortal returns a store that kills its process at the given death.
func mortal(s store.Store, d death) store.Store {
	var calls atomic.Int64
	return storetest.Intercept(s, func(ctx context.Context, c storetest.Call) error {
		fatal := opOf(c) == d.Op && int(calls.Add(1)) == d.N
		if fatal && !d.After {
			die()
		}
		err := c.Do(ctx)
		if fatal && d.After {
			die()
		}
		return err
	})
}

// die ends the process as kill -9 does: nothing is flushed, closed or given back.
func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// opOf names what a call does.
func opOf(c storetest.Call) string {
	switch c.Method {
	case "Claim":
		return opClaim
	case "Commit":
		return opOfChange(c.Batch.Changes[0])
	case "Heartbeat":
		return opRenew
	case "Apply":
		return opApply
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

// opOfChange names what a change of an engine does; its batches have one at most.
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
			return "other" // the task comes back at once, with a greater token
		}
		return opYield
	case store.Fail:
	}
	return "other"
}
