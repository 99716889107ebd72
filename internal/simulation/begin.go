package simulation

import (
	"reflect"
	"slices"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// begins is on whose behalf a running task, which no worker holds, would begin. It is derived from
// the commands, and not from what the store says of the task's request.
type begins struct {
	// fresh means that a retry, or a resume of more than this task, made the task RUNNING and that
	// no worker has held it since.
	fresh bool
	// alone means that a person asked for this task to run, although its plan is stopped.
	alone bool
}

// edited follows an edit of the task. before is the plan before the command.
func (b *begins) edited(before plan.Plan, c store.Command, e *task.Edit) {
	swept := len(before.Sweeps) > 0 && !reflect.DeepEqual(before.Sweeps, c.Plan.Sweeps)
	moved := slices.ContainsFunc(c.Events, func(ev plan.Event) bool { return ev.Task == e.ID && ev.From != ev.To })
	switch {
	case e.State != task.Running:
		*b = begins{}
	case e.Cause == task.ByRetry && !swept && e.Request == task.ExemptRequest:
		*b = begins{alone: true}
	case e.Cause == task.ByPause:
		b.alone = false // a person wants the task itself to stop
	case !moved: // a wait ends sooner, or a request is withdrawn
	case e.Cause == task.ByRetry, e.Cause == task.ByResume && swept:
		b.fresh = true
	}
}

// begin checks a claim: in a plan that is FAILED or PAUSED nothing begins that was not asked for by
// name. What a worker has held goes on while the plan is FAILED, and so does what had a slot to
// wait in. The caller has the lock.
func (a *audit) begin(b *store.Batch, t task.Task) {
	acc := a.of(t.ID)
	if t.State == task.Running && !acc.begins.alone {
		begins := acc.begins.fresh && t.Wait.Why == task.NoWait
		switch s := b.View.State; {
		case s == plan.Paused, s == plan.Failed && begins, b.View.Breached && begins:
			a.w.faultf("task %s begins in a plan that is %s, breached %t, and nobody asked for it", t.ID, s, b.View.Breached)
		}
	}
	acc.begins.fresh = false
}

// ended follows a change with which a worker releases the task.
func (b *begins) ended(w *store.Change) {
	if !w.State.InFlight() {
		*b = begins{}
	}
}
