package observed

import "fmt"

// Op is a call of a store: one of its methods. Listen, which lasts, is none.
type Op uint8

// The calls. [Op.String] returns the name of the method.
const (
	OpBeginCreate Op = iota
	OpAddTenants
	OpFinishCreate
	OpAppendTenants
	OpRemove
	OpCommit
	// OpClaim is a Commit without changes.
	OpClaim
	OpApply
	OpJoin
	OpHeartbeat
	OpLeave
	OpOrphans
	OpReport
	OpWorkers
	OpHoldings
	OpReserve
	OpLocks
	OpReplace
	OpRelease
	OpOccupy
	OpVacate
	OpPlaces
	OpCountPlaces
	OpDue
	OpReschedule
	OpRemind
	OpCursor
	OpMoveCursor
	OpSubscribe
	OpUnsubscribe
	OpListSubscriptions
	OpReportSubscription
	OpUnread
	OpMarkUnread
	OpMarkRead
	OpPositions
	OpAddDeadLetter
	OpDeadLetters
	OpDropDeadLetter
	OpPlan
	OpPlans
	OpTask
	OpTasksAt
	OpTasks
	OpStates
	OpTenants
	OpAppended
	OpEvents
	OpPlanEvents

	// NumOps is the number of calls.
	NumOps = int(OpPlanEvents) + 1
)

//nolint:gochecknoglobals // a constant table
var opNames = [NumOps]string{
	"BeginCreate", "AddTenants", "FinishCreate", "AppendTenants", "Remove", "Commit", "Claim",
	"Apply", "Join", "Heartbeat", "Leave", "Orphans", "Report", "Workers", "Holdings", "Reserve",
	"Locks", "Replace", "Release", "Occupy", "Vacate", "Places", "CountPlaces", "Due", "Reschedule", "Remind", "Cursor", "MoveCursor",
	"Subscribe", "Unsubscribe", "ListSubscriptions", "ReportSubscription", "Unread", "MarkUnread",
	"MarkRead", "Positions", "AddDeadLetter", "DeadLetters", "DropDeadLetter", "Plan", "Plans",
	"Task", "TasksAt", "Tasks", "States", "Tenants", "Appended", "Events", "PlanEvents",
}

func (op Op) String() string {
	if int(op) < NumOps {
		return opNames[op]
	}
	return fmt.Sprintf("Op(%d)", uint8(op))
}
