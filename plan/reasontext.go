package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/cutover-go/cutover/task"
)

// String returns the reason as a sentence.
func (r Reason) String() string {
	switch r.Code {
	case ReasonMayStart:
		return fmt.Sprintf("Nothing holds it back; a worker takes it in its turn (%d of %d slots are taken).", r.Slots, r.MaxSlots)
	case ReasonRunning:
		return fmt.Sprintf("Worker %s %s; %s.", r.Worker, r.work(), r.last())
	case ReasonStopping:
		return r.stopping()
	case ReasonDone:
		if r.Failure != nil {
			return fmt.Sprintf("Nothing more is to be done: the task is %s, because %s.", r.TaskState, r.Failure.Reason)
		}
		return fmt.Sprintf("Nothing more is to be done: the task is %s.", r.TaskState)
	case ReasonUnclear:
		return "Plan and task do not fit together: they were read while they changed."
	case ReasonWorkerLost:
		return fmt.Sprintf("The lease of worker %s, which %s, is over; an engine takes the task from it (%s).", r.Worker, r.work(), r.last())
	case ReasonExecutorNotHere:
		return fmt.Sprintf("Nothing holds it back, but this process does not have the executor %s; whether another one has is not known.", r.ExecutorType)
	case ReasonNoExecutor:
		return fmt.Sprintf("Nothing holds it back, but no process that works on tasks has the executor %s.", r.ExecutorType)
	case ReasonTenantHeld:
		if r.Holder == 0 {
			return "Another plan works on the tenant."
		}
		return fmt.Sprintf("Plan %s, which is %s, works on the tenant.", r.Holder.Plan(), r.HolderState)
	case ReasonHold, ReasonBackoff, ReasonProving, ReasonTaskPaused, ReasonFailed, ReasonUndoFailed:
		return r.ofTask()
	case ReasonQuota:
		return r.quota()
	case ReasonWave, ReasonBake, ReasonApproval, ReasonWindow, ReasonStrict, ReasonSlot, ReasonUndoNotOpen, ReasonStepDue:
		return r.ofOrder()
	case ReasonNotStarted, ReasonStarting, ReasonPlanPaused, ReasonPlanFailed, ReasonPlanRollbackFailed, ReasonBreach, ReasonSweep:
		return r.ofPlan()
	}
	return r.Code.String()
}

// ofTask says what the task itself waits for.
func (r *Reason) ofTask() string {
	switch r.Code {
	case ReasonHold:
		return fmt.Sprintf("Its executor continues it at %s.", clock(r.Until))
	case ReasonBackoff:
		return fmt.Sprintf("Attempt %d begins at %s%s.", r.Attempt, clock(r.Until), r.because(", because the last one failed"))
	case ReasonProving:
		return fmt.Sprintf("It has succeeded, and counts as completed at %s if it stays good.", clock(r.Until))
	case ReasonTaskPaused:
		return fmt.Sprintf("The task was paused%s; a resume or a retry of the task continues it.", r.by())
	case ReasonUndoFailed:
		if r.PlanState == RollingBack || r.Wave > 0 {
			return fmt.Sprintf("Its undo failed%s; if that was before the rollback under way, it is tried again.", r.because(""))
		}
		return fmt.Sprintf("Its undo failed%s; %s.", r.because(""), r.remedies())
	default:
		return fmt.Sprintf("It failed%s; %s.", r.because(""), r.remedies())
	}
}

// quota says which quota is full, and with which tasks.
func (r *Reason) quota() string {
	if r.Quota == "" {
		return "It waits for a place in a quota of its plan."
	}
	text := fmt.Sprintf("The quota of %d for %q = %q is full", r.QuotaMax, r.Quota, r.QuotaValue)
	if len(r.QuotaHolders) == 0 {
		return text + "."
	}
	ids := make([]string, len(r.QuotaHolders))
	for i, id := range r.QuotaHolders {
		ids[i] = id.String()
	}
	return text + "; in flight: " + strings.Join(ids, ", ") + "."
}

// remedies says which commands the state of the plan allows on a task that failed, or whose undo
// did.
func (r *Reason) remedies() string {
	undo := r.Code == ReasonUndoFailed
	switch s := r.PlanState; {
	case s == Canceled, undo && s == Completed, !undo && s == RollbackFailed:
		return "a rollback is possible"
	case undo:
		return "a rollback or a skip is needed"
	case s == Completed:
		return "a retry or a rollback is possible"
	}
	return "a retry, a skip, a cancel or a rollback is needed"
}

// ofOrder says what has to come first.
func (r *Reason) ofOrder() string {
	switch r.Code {
	case ReasonWave:
		return fmt.Sprintf("It is in wave %d; tasks left in wave %d: %d.", r.Wave, r.Open, r.Left)
	case ReasonBake:
		return fmt.Sprintf("%s bakes until %s.", r.place("The plan"), clock(r.Until))
	case ReasonApproval:
		return fmt.Sprintf("Wave %d waits for an approval.", r.Wave)
	case ReasonWindow:
		if r.Until.IsZero() {
			return "The maintenance windows are closed, and no next opening is known."
		}
		return fmt.Sprintf("The maintenance windows are closed; they open at %s.", clock(r.Until))
	case ReasonStrict:
		return fmt.Sprintf("%s tolerates %d failures; %d failed, and %d in flight may still fail.", r.place("The plan"), r.Tolerated, r.Failed, r.InFlight)
	case ReasonSlot:
		return fmt.Sprintf("All slots are taken: %d of %d.", r.Slots, r.MaxSlots)
	case ReasonUndoNotOpen:
		return fmt.Sprintf("Undos begin when no task runs any more; running now: %d.", r.InFlight)
	default:
		return "The plan owes a step, which an engine takes soon."
	}
}

// ofPlan says what the plan waits for.
func (r *Reason) ofPlan() string {
	switch r.Code {
	case ReasonNotStarted:
		return "The plan has not been started."
	case ReasonStarting:
		return fmt.Sprintf("The plan is being started%s: its tenants are being locked.", r.by())
	case ReasonPlanPaused:
		return fmt.Sprintf("The plan is paused (%s)%s; a resume continues it.", r.PauseReasons, r.by())
	case ReasonPlanFailed:
		return fmt.Sprintf("The plan is FAILED: %s; it waits for a command.", r.tolerance())
	case ReasonPlanRollbackFailed:
		return fmt.Sprintf("The rollback of the plan failed or was canceled%s; it waits for a command.", r.by())
	case ReasonBreach:
		return r.tolerance() + ": the plan is about to act on it."
	default:
		return fmt.Sprintf("A command on many tasks (%s)%s is being carried out.", r.Sweep, r.by())
	}
}

// stopping says who stops a task, and how.
func (r *Reason) stopping() string {
	cause := fmt.Sprintf("a %s of the plan", r.Stop)
	switch {
	case r.Alone:
		cause = fmt.Sprintf("a %s of the task", r.Stop)
	case r.Wave > 0:
		cause = fmt.Sprintf("the rollback of wave %d", r.Wave)
	}
	if r.Worker == "" {
		return fmt.Sprintf("It stops when an engine next looks at it, because of %s%s.", cause, r.by())
	}
	return fmt.Sprintf("Worker %s, which %s, stops it at its next boundary, because of %s%s (%s).", r.Worker, r.work(), cause, r.by(), r.last())
}

// work says what a worker does.
func (r *Reason) work() string {
	if r.TaskState == task.RollingBack {
		return "undoes it"
	}
	return fmt.Sprintf("runs attempt %d of it", r.Attempt)
}

// last says when a worker was last heard of, and how far the task was.
func (r *Reason) last() string {
	if r.Step == "" {
		return "its last change was at " + clock(r.ChangedAt)
	}
	return fmt.Sprintf("its last change was at %s, its last step %s", clock(r.ChangedAt), r.Step)
}

// by says who gave a command, when and why, as far as it is known.
func (r *Reason) by() (text string) {
	if r.Actor != "" {
		text = " by " + r.Actor
	}
	if !r.At.IsZero() {
		text += " at " + clock(r.At)
	}
	if r.Because != "" {
		text += fmt.Sprintf(" (%q)", r.Because)
	}
	return text
}

// because says with which code something failed, after text.
func (r *Reason) because(text string) string {
	if r.Failure == nil {
		return text
	}
	return fmt.Sprintf("%s with %s", text, r.Failure.ErrorCode)
}

// place names the wave, or the plan as given.
func (r *Reason) place(plan string) string {
	if r.Wave == 0 {
		return plan
	}
	return fmt.Sprintf("Wave %d", r.Wave)
}

// tolerance says how many have failed, and how many are tolerated.
func (r *Reason) tolerance() string {
	return tolerance{wave: r.Wave, alike: r.Failure, failed: r.Failed, tolerated: r.Tolerated}.String()
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
