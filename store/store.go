package store

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Store is all the persistence that an engine needs. All methods are safe for concurrent use,
// return promptly when their context ends, and return values that the caller owns.
type Store interface {
	Creator
	Writer
	Leaser
	Registry
	Locker
	Places
	Agenda
	Cursors
	Subscriptions
	Reader
}

// Limits of one call.
const (
	// MaxBatch is the maximum number of changes in a commit, edits in a command, tasks in a claim,
	// tenants or locks in a call of Reserve, Locks or Release, plans in a call of Heartbeat or
	// Remind, ordinals in a call of TasksAt, and places or quotas in a call of Occupy, Vacate or
	// CountPlaces.
	MaxBatch = 100
	// MaxTenants is the maximum number of tenants of one call of AddTenants or AppendTenants.
	MaxTenants = 500
	// MaxPage is the maximum number of entries of one page of a query.
	MaxPage = 1000
	// MaxStates is the maximum number of states of one call of States, and of tenants of one call
	// of Tenants.
	MaxStates = 5000
	// KeptEvents is how many events a plan keeps unless its store is configured otherwise.
	KeptEvents = 100_000
	// KeptCommands is how many command ids a plan remembers.
	KeptCommands = 64
	// MaxWait is the longest time for which a task can be deferred.
	MaxWait = 366 * 24 * time.Hour
)

// Creator creates and removes plans.
type Creator interface {
	// BeginCreate reserves an id, and the idempotency key if there is one, for a plan that
	// AddTenants and FinishCreate complete. Until FinishCreate succeeds, nothing of the plan can be
	// read. If the key belongs to a complete plan with the same content, BeginCreate returns that
	// plan with Exists set; if it belongs to a plan with other content, ErrKeyReused; if it belongs
	// to another creation that is under way, ErrCreating.
	//
	// A store that does not enforce a field of the plan's strategy refuses the plan with
	// ErrInvalid.
	//
	// The same call may be sent again. With a key, the repeated call continues the creation that
	// the first call began, even if tenants were added, and restarts its TTL. Without a key it
	// begins another creation, and an engine removes the first when its TTL is over.
	BeginCreate(ctx context.Context, c Create) (Creation, error)
	// AddTenants appends tenants (at most MaxTenants) with consecutive ordinals; first is that of
	// the first of them. The same call may be sent again. Returns ErrNotFound if an engine has
	// begun to remove the creation because its TTL was over.
	AddTenants(ctx context.Context, c Creation, first int, tenants []task.Tenant) error
	// FinishCreate makes the plan visible in state CREATED, with its first event and its entry on
	// the agenda. Returns ErrConflict unless exactly the announced number of tenants was added. The
	// same call may be sent again. Returns ErrNotFound if an engine has begun to remove the
	// creation because its TTL was over.
	FinishCreate(ctx context.Context, c Creation) error
	// AppendTenants stores tenants (at most MaxTenants) for the addition that is marked in the
	// plan's Control.Adding with this token and is not given up. first is the ordinal of the first
	// of them: they follow the plan's last task, or the tenants that were stored before for the
	// same addition. The same call may be sent again. No task of theirs exists before a Command
	// completes the addition. Returns ErrConflict if there is no such addition, or if it announced
	// fewer tenants.
	AppendTenants(ctx context.Context, id plan.ID, token uint64, first int, tenants []task.Tenant) error
	// Remove removes a plan that is over, or a creation whose TTL is over, in bounded steps; more
	// reports whether Remove has to be called again. From the first step on the plan cannot be
	// read. Returns ErrConflict if the plan or the TTL is not over, and no error if there is no
	// such plan.
	Remove(ctx context.Context, id plan.ID) (more bool, err error)
}

// Create announces a plan.
type Create struct {
	// Plan holds the fields that never change, and the plan's Waves; its ID is ignored.
	Plan plan.Plan
	// Mark identifies the creation, so that the call may be sent again: unique, at most 64 bytes,
	// and known to its creator alone.
	Mark string
	// Hash is a digest of the whole content. If another plan already has the same key, the store
	// compares the hashes of the two.
	Hash string
	// Actor is who creates the plan: its CreatedBy, which Plan need not have.
	Actor string
	// TTL is how much time may pass between two calls of the creation. When more has passed, any
	// engine may remove the creation.
	TTL time.Duration
}

// Creation identifies a plan under creation.
type Creation struct {
	ID plan.ID
	// Mark is the Mark of the Create.
	Mark string
	// Exists reports that the plan existed already, so that nothing is left to do.
	Exists bool
}

// Writer changes plans and tasks.
type Writer interface {
	// Commit applies the changes of workers to tasks of one plan and then, if asked to, claims
	// further tasks of the plan. It stores the results in the batch. The error is about the whole
	// call; the Err of a change says whether that change was refused.
	Commit(ctx context.Context, b *Batch) error
	// Apply commits a decision of the packages plan and task, completely or not at all, and returns
	// the plan after it. Returns ErrConflict if the plan or one of the tasks no longer has the
	// version from which the decision was made. A command whose ID the plan remembers succeeds
	// without effect, with Repeated set.
	Apply(ctx context.Context, c Command) (Applied, error)
}

// Command is a decision to commit.
type Command struct {
	// ID identifies the command, so that it may be sent again: unique, at most 64 bytes.
	ID string
	// Version is the Version of the plan from which the decision was made.
	Version uint64
	// Failed, if not negative, must equal the plan's number of failed tasks, because the decision
	// acknowledges exactly these, or changes how many are allowed. The failed tasks of each wave
	// are then those of the decision too: between two versions of a plan, tasks only fail.
	Failed int
	// RaiseTokens reports that tenants were locked for the command: every later claim in the plan
	// gets a token greater than all tokens that were assigned, in any plan, before the call of
	// Apply.
	RaiseTokens bool
	// Decision has the plan's Control with all its fields, the edits (at most MaxBatch) and the
	// events. If it raises TaskCount, exactly the tenants that AppendTenants has stored become
	// tasks, PENDING, and each further wave gets its counters; Apply returns ErrConflict if they
	// are more or fewer. A command that marks another addition drops the tenants that were stored
	// for the one before. The store sets Seq, At and AtRest, keeps its own Facts, and applies the
	// effects of plan.State.CancelsPending, of a new Undo.Round and of a new Wave itself. An event
	// that changes the state of the plan itself clears Breached; otherwise a breach stays even if
	// it happened after the decision was made.
	plan.Decision
}

// Applied is the result of a Command.
type Applied struct {
	Plan     plan.Plan
	Repeated bool
}

// Batch is one commit: the request and, after Commit has returned, its results. The caller may then
// reuse the Batch.
type Batch struct {
	Plan plan.ID
	// Changes are the changes, at most MaxBatch, of different tasks.
	Changes []Change
	// Claim asks for tasks if Claim.Max > 0.
	Claim Claim

	// Claimed are the tasks that the claim assigned.
	Claimed []task.Task
	// View is the plan after the commit.
	View View
}

// Yields reports whether b, which was committed, has left a task in flight for another worker.
func (b *Batch) Yields() bool {
	for i := range b.Changes {
		if w := &b.Changes[i]; w.Kind == Yield && w.Err == nil && w.State.InFlight() {
			return true
		}
	}
	return false
}

// Change is one change of a task by the worker that holds it.
type Change struct {
	Task  task.ID
	Token task.Token
	// Seq numbers the changes that the worker makes under this claim, from 1. A worker has one
	// change of a task under way at a time.
	Seq  uint32
	Kind ChangeKind
	// Saved is what to save; only with Save. The store may retain the byte slices.
	Saved
	// Failure goes with Fail and UndoFail, and with Yield if the executor returned an error after
	// it was asked to stop. With Defer it is the failure of the attempt that ended, if Wait is
	// WaitBackoff; otherwise it is what the task keeps if a stop in force ends it.
	Failure *task.FailureInfo
	// Attempts go with Failure, at most task.MaxAttempts: what the task's Attempts are from then
	// on, if the task keeps the Failure. nil leaves them as they are. See task.Task.Tried.
	Attempts []task.Attempt
	// Wait and After go with Defer: why the task is not claimed again, and for how long. After is
	// not negative; the store adds it to the time of its own clock.
	Wait  task.WaitReason
	After time.Duration
	// Elapsed becomes the task's Elapsed, in whole milliseconds, with every change that is applied
	// to a task and does not begin another attempt.
	Elapsed time.Duration
	// RaiseTokens, only with Yield, has the same effect as in Command: the tenant is locked for the
	// task now, but was not locked during the whole claim. The next claim of the task gets a token
	// greater than all others.
	RaiseTokens bool

	// Err is nil, or matches ErrFenced, ErrNotFound, ErrCorrupt or, if the task has too many undo
	// entries, checkpoint.ErrTooLarge. A refused change had no effect.
	Err error
	// Stop is the stop in force for the task after the change. Only with Save.
	Stop task.Stop
	// State is the task's state after the change.
	State task.State
}

// Saved is what one Change saves: a checkpoint, an undo entry, or both.
type Saved struct {
	// Step and Data are the new checkpoint; an empty Step saves none. A new
	// checkpoint resets the task's Losses.
	Step string
	Data []byte
	// UndoStep and UndoData are an undo entry, recorded unless the step has one already; an empty
	// UndoStep records none.
	UndoStep string
	UndoData []byte
}

// ChangeKind is what a worker reports.
type ChangeKind uint8

// The kinds. All but Save release the task.
const (
	// Save stores a checkpoint, an undo entry or both, and returns the stop in force.
	Save ChangeKind = iota
	// Complete: RUNNING to COMPLETED; clears the checkpoint and the failure.
	Complete
	// Fail: RUNNING to FAILED.
	Fail
	// Yield: the executor returned without an outcome, or never started. The stop in force decides,
	// in the same step: RUNNING becomes PAUSED, or CANCELLED (with the Failure), or stays RUNNING
	// for another worker; ROLLING_BACK becomes ROLLBACK_FAILED (with the Failure) if undos are
	// stopping, or stays ROLLING_BACK.
	Yield
	// Undone: ROLLING_BACK to ROLLED_BACK; clears the checkpoint, the undo log and the failure.
	Undone
	// UndoFail: ROLLING_BACK to ROLLBACK_FAILED.
	UndoFail
	// Defer: the task is not worked on for a while. It stays in flight and Waiting: it keeps its
	// slot, and no worker claims it before its Wait is over. WaitHold continues the same attempt or
	// undo. WaitBackoff ends the attempt with the Failure and begins the next one: Attempt is
	// raised, Losses and Elapsed become 0, and an event with cause retry records it. WaitProving
	// leaves everything as it is. WaitPlace is as WaitHold. An undo can only hold, or wait for a
	// place.
	//
	// If a stop is in force it takes effect in the same step, as with Yield, and the task does not
	// wait. A task that is paused keeps its Wait, and after WaitBackoff its new attempt; one that
	// is canceled keeps the attempt that it had, and the Failure.
	Defer
)

// Claim asks for tasks of a plan for one incarnation. It takes, in this order:
//
//   - Waiting tasks whose Wait is over, the earliest first, RUNNING ones only if
//     plan.Control.Claims says so, ROLLING_BACK ones unless undos are stopping. They have their
//     slots already, so MaxSlots does not matter.
//
// and then, while fewer than Grant.MaxSlots slots are taken:
//
//   - RUNNING without a worker, as plan.Control.Claims says of their requests: first those with an
//     ExemptRequest, then those without a request, then those with a StartRequest;
//   - ROLLING_BACK without a worker, from the last ordinal down, unless undos are stopping:
//     Undo.Stopping;
//   - in an open undo round the undoable tasks that the round has not reached yet, from the last
//     ordinal down, or, in a sequential plan, in the reverse order in which workers last released
//     them; in the round of a wave only those that Undo.Covers;
//   - PENDING from the first ordinal up to Grant.LastOrdinal, or only those that Pending names,
//     unless the plan is breached, plan.Plan.Admits reports false, or Grant.Opens does for the
//     store's time.
//
// A task in flight without a worker that is not Waiting, but whose Wait is not over, was paused
// during the wait. A claim does not assign it: in its turn it takes its slot and is Waiting again.
type Claim struct {
	// ID identifies the claim, so that it may be sent again: unique, at most 64 bytes.
	ID string
	// Worker is the incarnation that is to hold the tasks.
	Worker string
	// Max is the maximum number of tasks to claim, at most MaxBatch; 0 claims nothing.
	Max int
	// Chosen reports that the claim takes PENDING tasks only of the list Pending, in its order,
	// instead of from the first ordinal up. Pending has the ordinals of at most MaxBatch tasks.
	// Those that the plan does not have, and those that may not begin now, are passed over.
	Chosen  bool
	Pending []int
	// RaiseTokens has the same effect as in Command, before the claim: tenants were locked for it.
	RaiseTokens bool
}

// View is the part of a plan that a commit returns.
type View struct {
	State    plan.State
	Version  uint64
	Counters plan.Counters
	Breached bool
	// UndosExhausted is as in plan.Facts.
	UndosExhausted bool
	// Claimable reports that a further claim now would find tasks, or tasks that take their slots
	// to wait.
	Claimable bool
	// Now and NextDue are as in plan.Facts.
	Now, NextDue time.Time
}

// Leaser keeps the leases of incarnations, and lists the tasks that they hold.
type Leaser interface {
	// Join starts the lease of a new incarnation, and lists it in the Registry, or leaves that to
	// the first Report if the registry cannot be written. Incarnation names are never used twice.
	// The same call may be sent again.
	Join(ctx context.Context, incarnation string, ttl time.Duration, p Process) error
	// Heartbeat renews the lease and returns all tasks that the incarnation holds in the given
	// plans (at most MaxBatch). Returns ErrLeaseExpired if the lease is over. Plans that cannot be
	// read do not prevent the renewal: a *HeartbeatError names them, and is returned together with
	// the tasks of the others.
	Heartbeat(ctx context.Context, incarnation string, ttl time.Duration, plans []plan.ID) ([]Holding, error)
	// Leave ends the lease at once.
	Leave(ctx context.Context, incarnation string) error
	// Orphans returns up to MaxBatch tasks of a plan that are held by incarnations
	// without a lease.
	Orphans(ctx context.Context, id plan.ID) ([]Holding, error)
}

// Holding is a task that an incarnation holds.
type Holding struct {
	Task   task.ID
	Token  task.Token
	Worker string
	// Stop is the stop in force for the task.
	Stop task.Stop
}

// Locker keeps the tenants' locks.
type Locker interface {
	// Reserve acquires each of the locks (at most MaxBatch) that is free. A lock that already has
	// exactly this value counts as acquired. Reserve returns the locks that have other values.
	Reserve(ctx context.Context, locks []TenantLock) (held []TenantLock, err error)
	// Locks returns the present locks of the tenants (at most MaxBatch), in the same order. Tenants
	// without a lock are left out.
	Locks(ctx context.Context, tenants []string) ([]TenantLock, error)
	// Replace changes a lock from exactly old to next and reports whether it did.
	Replace(ctx context.Context, old, next TenantLock) (bool, error)
	// Release deletes each of the locks (at most MaxBatch) that has exactly this value.
	Release(ctx context.Context, locks []TenantLock) error
}

// TenantLock is the lock of a tenant; it names the task that works on the tenant. Two locks are
// equal only if all their fields are equal.
type TenantLock struct {
	Tenant  string
	Plan    plan.ID
	Ordinal int
	// Start is the plan's StartToken.
	Start uint64
	// Phase distinguishes successive holds of the tenant by the same task, so that a process that
	// has found an earlier hold stale, or releases it late, does not release a later hold.
	Phase uint32
}

// Cursors remember how far named readers of a plan's events have read.
type Cursors interface {
	// Cursor acquires or renews the cursor for owner and returns its position, which is 0 at first.
	// Returns ErrConflict while another owner has the cursor.
	Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error)
	// MoveCursor sets the position. Returns ErrConflict if owner does not have the cursor, and
	// ErrEventsAhead if the plan has no such event.
	MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error
}
