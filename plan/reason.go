package plan

import (
	"fmt"
	"time"

	"github.com/cutover-go/cutover/internal/textform"
	"github.com/cutover-go/cutover/task"
)

// Reason is the one reason for which a task does not move, or says that it does: the answer of
// [Plan.Explain] and of the engine's Explain. [Reason.String] is a sentence for people,
// [Reason.Params] has the facts that belong to the Code, under names for programs; docs/ops.md
// lists the names of every code. The fields that do not belong to the Code are zero.
type Reason struct {
	Code ReasonCode
	// Task is the task that the reason is about. TaskState and PlanState are its state and that of
	// its plan, Attempt is the task's attempt.
	Task      task.ID
	TaskState task.State
	PlanState State
	Attempt   int

	// Worker holds the task. Step is the step of its checkpoint, ChangedAt the time of its last
	// change: a claim, a save or a command.
	Worker    string
	Step      string
	ChangedAt time.Time
	// Stop is the stop in force. Alone reports that it was asked for the task alone.
	Stop  task.Stop
	Alone bool

	// Until is the time, by the store's clock, at which a wait or a bake is over or the windows
	// open; zero if it is not known.
	Until time.Time
	// Wave is the number of the wave that the reason is about, 0 for the plan as a whole. Open is
	// the open wave, and Left is how many of its tasks have not ended.
	Wave, Open, Left int
	// Slots of the plan's MaxSlots are taken.
	Slots, MaxSlots int
	// Failed and InFlight count tasks, of the plan or of the Wave; Tolerated is how many of them
	// may be FAILED. With a Failure, Failed counts those that failed with its code in its step.
	Failed, InFlight, Tolerated int

	// PauseReasons are why the plan is paused.
	PauseReasons PauseReasons
	// Sweep is the kind of the command on many tasks that is under way.
	Sweep SweepKind
	// Failure is the failure of the task or of its undo.
	Failure *task.FailureInfo

	// Actor gave the command that stopped the task, or for whose end it waits; Because is the
	// reason that was given, At the time. A breach has no Actor, and its numbers in Because. They
	// are zero if the plan or its events do not tell.
	Actor, Because string
	At             time.Time

	// Holder is the task of another plan that holds the tenant, HolderState the state of that plan.
	// A reason without a Holder does not tell which plan it is.
	Holder      task.ID
	HolderState State
	// ExecutorType is the plan's.
	ExecutorType string

	// Quota is the label of a quota of the plan, QuotaValue the tenant's value of it, and QuotaMax
	// how many tasks with that value may be in flight. QuotaHolders are those that are, at most
	// [MaxQuotaHolders]. A reason without a Quota does not tell which one it is.
	Quota, QuotaValue string
	QuotaMax          int
	QuotaHolders      []task.ID
}

// MaxQuotaHolders is how many tasks a [Reason] names at most that have the places of a quota.
const MaxQuotaHolders = 10

// ReasonCode is what a [Reason] says. The set is closed: every task of every plan has one of the
// codes.
type ReasonCode uint8

// The codes, in this order: of tasks that move, or have nothing left to do; that wait for their
// plan, or for their turn; for a time; for a command on themselves; and the codes that only the
// engine's Explain finds.
const (
	// ReasonUnclear: plan and task do not fit together, because they were read while they changed.
	ReasonUnclear ReasonCode = iota
	// ReasonMayStart: nothing holds the task back. A worker with capacity takes it in its turn.
	ReasonMayStart
	// ReasonRunning: a worker runs it.
	ReasonRunning
	// ReasonStopping: it stops at its next boundary or, without a worker, when an engine next looks
	// at its plan.
	ReasonStopping
	// ReasonDone: nothing more is to be done.
	ReasonDone

	// ReasonNotStarted: nobody has started the plan.
	ReasonNotStarted
	// ReasonStarting: the plan's tenants are being locked for its start.
	ReasonStarting
	// ReasonPlanPaused: the plan is paused.
	ReasonPlanPaused
	// ReasonPlanFailed: the plan is FAILED, and waits for a command.
	ReasonPlanFailed
	// ReasonPlanRollbackFailed: the rollback of the plan failed or was canceled, and the plan waits
	// for a command.
	ReasonPlanRollbackFailed
	// ReasonBreach: more tasks failed than are tolerated; the strategy's action follows.
	ReasonBreach
	// ReasonSweep: a command on many tasks is being carried out: it has yet to reach the task, or
	// has to end before pending tasks begin.
	ReasonSweep
	// ReasonWave: the open wave has tasks left, and the task is in a later one.
	ReasonWave
	// ReasonBake: the open wave bakes.
	ReasonBake
	// ReasonApproval: the next wave waits for an approval.
	ReasonApproval
	// ReasonWindow: the maintenance windows are closed.
	ReasonWindow
	// ReasonStrict: if all tasks in flight failed, no further failure would be tolerated.
	ReasonStrict
	// ReasonSlot: all slots of the plan or of the open wave are taken.
	ReasonSlot
	// ReasonUndoNotOpen: the plan, or the wave of the task, is being rolled back, and undos begin
	// when nothing of it runs any more, or when the undo of another wave is over.
	ReasonUndoNotOpen
	// ReasonStepDue: the plan owes a step that an engine takes when it next looks at the plan.
	ReasonStepDue

	// ReasonHold: the executor asked to be continued later.
	ReasonHold
	// ReasonBackoff: the next attempt begins after a pause.
	ReasonBackoff
	// ReasonProving: the success has to stay good for some time.
	ReasonProving
	// ReasonQuota: as many tasks as a quota of the plan allows are in flight with the value of the
	// label that the task's tenant has.
	ReasonQuota

	// ReasonTaskPaused: this task was paused; its plan's resume does not continue it.
	ReasonTaskPaused
	// ReasonFailed: the task failed, and waits for a command.
	ReasonFailed
	// ReasonUndoFailed: its undo failed, and it waits for a command. A rollback that is under way,
	// of the plan or of its Wave, tries it again if the undo failed before that rollback.
	ReasonUndoFailed

	// ReasonTenantHeld: another plan works on the tenant, so that a start with strategy.Reject, a
	// retry or a rollback would be refused; a pending task of a plan with strategy.Wait begins when
	// it is free. [Plan.Explain] does not return this code and those after it, because they need
	// more than the plan and the task.
	ReasonTenantHeld
	// ReasonWorkerLost: the lease of the worker that holds the task is over. An engine takes the
	// task from it.
	ReasonWorkerLost
	// ReasonExecutorNotHere: nothing holds the task back, but the process that answers does not
	// have its executor. It cannot find out now whether another process has.
	ReasonExecutorNotHere
	// ReasonNoExecutor: nothing holds the task back, but no process that works on tasks has its
	// executor.
	ReasonNoExecutor

	// NumReasons is the number of codes.
	NumReasons = int(ReasonNoExecutor) + 1
)

//nolint:gochecknoglobals // a constant table
var reasonNames = [NumReasons]string{
	"UNCLEAR", "MAY_START", "RUNNING", "STOPPING", "DONE",
	"NOT_STARTED", "STARTING", "PLAN_PAUSED", "PLAN_FAILED", "PLAN_ROLLBACK_FAILED", "BREACH", "SWEEP",
	"WAVE", "BAKE", "APPROVAL", "WINDOW", "STRICT", "SLOT", "UNDO_NOT_OPEN", "STEP_DUE",
	"HOLD", "BACKOFF", "PROVING", "QUOTA", "TASK_PAUSED", "FAILED", "UNDO_FAILED",
	"TENANT_HELD", "WORKER_LOST", "EXECUTOR_NOT_HERE", "NO_EXECUTOR",
}

func (c ReasonCode) String() string {
	if int(c) < NumReasons {
		return reasonNames[c]
	}
	return fmt.Sprintf("ReasonCode(%d)", uint8(c))
}

// ParseReasonCode reads a code as String writes it. The error is a [*TextError].
func ParseReasonCode(name string) (ReasonCode, error) {
	return textform.Parse[ReasonCode](kindReason, reasonNames[:], name)
}
