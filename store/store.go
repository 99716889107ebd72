package store

import (
	"context"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Store is everything that an engine needs of its persistence. All methods are
// safe for concurrent use, return promptly when their context ends, and return
// values that the caller owns.
type Store interface {
	Creator
	Writer
	Leaser
	Locker
	Agenda
	Cursors
	Reader
}

// Limits of one call.
const (
	// MaxBatch is the most changes of a commit, edits of a command, tenants of one
	// AddTenants, Reserve or Release, tasks of one claim, and ordinals of one TasksAt.
	MaxBatch = 100
	// MaxPage is the most entries of one page of a query.
	MaxPage = 1000
	// MaxStates is the most states of one call of States, and tenants of one of Tenants.
	MaxStates = 5000
	// KeptEvents is how many events a plan keeps unless its store is told otherwise.
	KeptEvents = 100_000
	// KeptCommands is how many command ids a plan remembers.
	KeptCommands = 64
)

// Creator makes plans and takes them away.
type Creator interface {
	// BeginCreate reserves an id, and the idempotency key if there is one, for a
	// plan that AddTenants and FinishCreate complete. Until then nothing of it can
	// be read. If the key belongs to a complete plan of the same content, the
	// answer names it with Exists set; of other content, ErrKeyReused; one whose
	// creation is under way, ErrCreating, unless it is this very creation.
	//
	// The same call again is harmless: with a key it goes on with the creation that
	// it began, whose TTL starts anew, also when tenants were added. Without one it
	// begins another, and the first is removed when its TTL is over.
	BeginCreate(ctx context.Context, c Create) (Creation, error)
	// AddTenants appends tenants, the first with ordinal first, at most MaxBatch.
	// The same call again is harmless. ErrNotFound if the creation was given up.
	AddTenants(ctx context.Context, c Creation, first int, tenants []task.Tenant) error
	// FinishCreate makes the plan visible in state CREATED, with its first event
	// and its place on the agenda, if exactly the announced number of tenants was
	// added. The same call again is harmless. ErrNotFound if it was given up.
	FinishCreate(ctx context.Context, c Creation) error
	// Remove takes away a plan that is over, or a creation that was given up, in
	// bounded steps: more says that it has to be called again. From the first step
	// on the plan cannot be read. ErrConflict if the plan is not over. A plan that
	// does not exist is removed already.
	Remove(ctx context.Context, id plan.ID) (more bool, err error)
}

// Create announces a plan.
type Create struct {
	// Plan has what never changes; its ID is ignored.
	Plan plan.Plan
	// Mark makes it safe to send the call again: unique to this creation, at most 64
	// bytes. Only its creator knows it.
	Mark string
	// Hash is a digest of the whole content.
	Hash string
	// Actor is who creates it.
	Actor string
	// TTL is how long the creation may rest between two calls before any engine
	// may remove it.
	TTL time.Duration
}

// Creation identifies a plan under creation.
type Creation struct {
	ID plan.ID
	// Mark is that of the Create; a given-up creation has lost it.
	Mark string
	// Exists says that the plan was there already and nothing is to be done.
	Exists bool
}

// Writer changes plans and tasks.
type Writer interface {
	// Commit applies the changes of workers to tasks of one plan and then, if asked
	// to, claims further tasks of it. It fills in the answers in the batch. The
	// error is about the whole call; what happened to each change is in its Err.
	Commit(ctx context.Context, b *Batch) error
	// Apply commits a decision of the pure core, completely or not at all, and
	// returns the plan as it is then. ErrConflict if the plan, or one of the tasks,
	// is not at the version that the decision was made on. A command whose ID the
	// plan remembers succeeds without effect, with Repeated set.
	Apply(ctx context.Context, c Command) (Applied, error)
}

// Command is a decision to commit.
type Command struct {
	// ID makes it safe to send the command again: unique, at most 64 bytes.
	ID string
	// Version is the plan's Version that the decision was made on.
	Version uint64
	// Failed, if not negative, must be the plan's number of failed tasks: the
	// decision acknowledged exactly these.
	Failed int
	// RaiseTokens says that tenants were locked for the command: tokens that are given
	// in the plan after it are greater than all that were given, in any plan, before
	// Apply was called.
	RaiseTokens bool
	// Decision has the plan's Control, the edits (at most MaxBatch) and the events.
	// The store sets Seq, At and AtRest, keeps its own Facts, and evaluates
	// plan.State.CancelsPending and a new Undo.Round itself. An event of the plan
	// that changes its state clears Breached; otherwise a breach that the decision
	// did not know of yet stays.
	plan.Decision
}

// Applied answers a Command.
type Applied struct {
	Plan     plan.Plan
	Repeated bool
}

// Batch is one commit. The caller may use it again after it was answered.
type Batch struct {
	Plan plan.ID
	// Changes are the changes, at most MaxBatch, of different tasks.
	Changes []Change
	// Claim asks for tasks, if Claim.Max > 0.
	Claim Claim

	// Claimed are the tasks that the claim handed out.
	Claimed []task.Task
	// View is the plan after the commit.
	View View
}

// Yields reports, once b was answered, whether it left a task in flight for another
// worker.
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
	// Seq numbers the worker's changes of this claim from 1. A worker has one
	// change of a task under way at a time.
	Seq  uint32
	Kind ChangeKind
	// Saved is what to save; only with Save. The store may keep the bytes.
	Saved
	// Failure goes with Fail and UndoFail, and with Yield if the executor returned
	// an error after it was told to stop.
	Failure *task.FailureInfo
	// RaiseTokens, only with Yield, is as in Command: the tenant was not locked for the
	// task all the time, and is now. The next claim of the task gives a greater token.
	RaiseTokens bool

	// Err is nil, ErrFenced, ErrNotFound or ErrCorrupt. A refused change had no
	// effect.
	Err error
	// Stop is what is in force for the task after the change. Only with Save.
	Stop task.Stop
	// State is the task's state after the change.
	State task.State
}

// Saved is what one Work saves: a checkpoint, an undo entry, or both.
type Saved struct {
	// Step and Data are the new checkpoint; an empty Step saves none. A new
	// checkpoint resets the task's Losses.
	Step string
	Data []byte
	// UndoStep and UndoData are an undo entry to record unless the step has one
	// already; an empty UndoStep records none.
	UndoStep string
	UndoData []byte
}

// ChangeKind says what a worker reports.
type ChangeKind uint8

// The kinds. All but Save release the task.
const (
	// Save stores a checkpoint, an undo entry or both, and tells what is in force.
	Save ChangeKind = iota
	// Complete: RUNNING to COMPLETED; clears the checkpoint and the failure.
	Complete
	// Fail: RUNNING to FAILED.
	Fail
	// Yield: the executor returned without an outcome, or never started. What is in
	// force decides, in the same step: RUNNING becomes PAUSED, or CANCELLED (with the
	// Failure), or stays RUNNING for another worker; ROLLING_BACK becomes
	// ROLLBACK_FAILED (with the Failure) if undos are stopping, or stays.
	Yield
	// Undone: ROLLING_BACK to ROLLED_BACK; clears checkpoint, undo log, failure.
	Undone
	// UndoFail: ROLLING_BACK to ROLLBACK_FAILED.
	UndoFail
)

// Claim asks for tasks of a plan for one incarnation. While fewer than
// Grant.MaxSlots tasks are held it takes, in this order: RUNNING without a worker,
// if the plan's state claims running tasks; ROLLING_BACK without a worker; PENDING
// from the first ordinal up to Grant.LastOrdinal, unless the plan is breached or more
// than Grant.MaxFailed tasks are failed; and in an open undo round the undoable
// tasks that the round has not come to yet, from the last ordinal down, or, in a
// sequential plan, in the reverse order in which workers last released them.
type Claim struct {
	// ID makes it safe to send the claim again: unique, at most 64 bytes.
	ID string
	// Worker is the incarnation that is to hold the tasks.
	Worker string
	// Max is the most tasks wanted, at most MaxBatch; 0 claims nothing.
	Max int
}

// View is what a commit tells about its plan.
type View struct {
	State    plan.State
	Version  uint64
	Counters plan.Counters
	Breached bool
	// UndosExhausted is as in plan.Facts.
	UndosExhausted bool
	// Claimable says that a further claim now would find tasks.
	Claimable bool
}

// Leaser keeps the leases of process incarnations and what they hold.
type Leaser interface {
	// Join starts the lease of a new incarnation. Incarnation names are never used
	// twice.
	Join(ctx context.Context, incarnation string, ttl time.Duration) error
	// Heartbeat renews the lease and returns all that the incarnation holds in the
	// plans asked about (at most MaxBatch). ErrLeaseExpired if the lease is over. Plans
	// that cannot be read do not keep the lease from being renewed, and are named by a
	// *HeartbeatError beside the answer for the others.
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
	// Stop is what is in force for the task.
	Stop task.Stop
}

// Locker keeps the tenants' locks.
type Locker interface {
	// Reserve takes the locks (at most MaxBatch) that are free; one that has exactly
	// this value already is taken. It returns those that are held by others, as
	// they are.
	Reserve(ctx context.Context, locks []TenantLock) (held []TenantLock, err error)
	// Locks returns the locks that those tenants (at most MaxBatch) have, in their order;
	// those that are free are left out.
	Locks(ctx context.Context, tenants []string) ([]TenantLock, error)
	// Replace changes a lock from exactly old to next and reports whether it did.
	Replace(ctx context.Context, old, next TenantLock) (bool, error)
	// Release frees the locks (at most MaxBatch) that have exactly these values.
	Release(ctx context.Context, locks []TenantLock) error
}

// TenantLock says which task works on a tenant. It is compared as a whole.
type TenantLock struct {
	Tenant  string
	Plan    plan.ID
	Ordinal int
	// Start is the plan's StartToken.
	Start uint64
	// Phase tells one hold of the tenant by the task from a later one, so that whoever
	// found the first stale, or comes late to free it, does not hit the second.
	Phase uint32
}

// Agenda lists the plans that need an engine.
type Agenda interface {
	// Due returns up to limit plans whose time to be looked at has come, the longest
	// waiting first. Apply and FinishCreate make a plan due at once, and so does a
	// commit that hands a task back, see [Batch.Yields]; BeginCreate when its TTL is
	// over. Other commits do not: an engine lets a plan with tasks in flight rest for a
	// bounded time only. That bound also holds if a process dies just after it has
	// handed a task back.
	Due(ctx context.Context, limit int) ([]DuePlan, error)
	// Reschedule asks that a plan be looked at again only after a while, or not before the
	// next command if after is negative. Nothing happens if the plan was put on the
	// agenda again since Due returned stamp.
	Reschedule(ctx context.Context, id plan.ID, stamp uint64, after time.Duration) error
	// Remind sees to it that plans (at most MaxBatch) are looked at after these times at
	// the latest. Plans that are due sooner stay due, but whoever looks at one then does not
	// let it rest past the reminder, or a few seconds longer after a command. Nothing
	// happens to creations and plans that are not there.
	Remind(ctx context.Context, plans map[plan.ID]time.Duration) error
	// Listen calls hint for every plan that may have changed until ctx ends. Hints
	// can be lost, repeated and late. hint must not block.
	Listen(ctx context.Context, hint func(plan.ID)) error
}

// DuePlan is an entry of the agenda.
type DuePlan struct {
	ID plan.ID
	// Stamp changes whenever the plan is put on the agenda.
	Stamp uint64
	// Creating says that it is a creation whose TTL is over: to be removed.
	Creating bool
}

// Cursors remember how far named readers of a plan's events have come.
type Cursors interface {
	// Cursor takes or renews the cursor for owner and returns its position, 0 at
	// first. ErrConflict while another owner has it.
	Cursor(ctx context.Context, id plan.ID, name, owner string, ttl time.Duration) (int64, error)
	// MoveCursor sets the position. ErrConflict if owner does not have the cursor,
	// ErrEventsAhead if the plan has no such event.
	MoveCursor(ctx context.Context, id plan.ID, name, owner string, seq int64) error
}

// Reader answers questions. A position that is negative, an ordinal beyond any plan's, and
// a limit that is negative or above its maximum are refused with an *InvalidError that
// names them; a limit of 0 is the maximum. Everything read is a consistent moment of one plan or
// task; pages of a query are moments of their own.
type Reader interface {
	// Plan returns a plan. ErrNotFound.
	Plan(ctx context.Context, id plan.ID) (plan.Plan, error)
	// Plans returns plans by falling id. Those that are damaged, or cannot be reached for
	// now, are left out, and named by an error beside the others: ErrCorrupt, or one that
	// is [Temporary].
	Plans(ctx context.Context, q PlanQuery) ([]plan.Plan, error)
	// Task returns a task. The pending tasks of a plan that cancels them are
	// CANCELLED. ErrNotFound.
	Task(ctx context.Context, id task.ID) (task.Task, error)
	// TasksAt returns the tasks of a plan with those ordinals (at most MaxBatch), in their
	// order; there may be fewer, if the plan has no such tasks. Those that are damaged are
	// left out, and named by an error beside the others: ErrCorrupt. ErrNotFound if there
	// is no such plan.
	TasksAt(ctx context.Context, id plan.ID, ordinals []int) ([]task.Task, error)
	// Tasks returns tasks of a plan by rising ordinal, with next as the After of
	// the next page, or 0 if there is none. A page may be empty although there are
	// further ones: the work per call is bounded too.
	Tasks(ctx context.Context, id plan.ID, q TaskQuery) (tasks []task.Task, next int, err error)
	// States returns the states alone, by rising ordinal, of the limit tasks that
	// follow the ordinal after: states[i] is what Task would show of task after+1+i.
	// limit is at most, and by default, MaxStates. Fewer only at the end of the plan,
	// none past it. ErrNotFound.
	States(ctx context.Context, id plan.ID, after, limit int) ([]task.State, error)
	// Tenants returns the ids of the tenants alone, of the same tasks as States does.
	Tenants(ctx context.Context, id plan.ID, after, limit int) ([]string, error)
	// Events returns up to limit events after a sequence number, oldest first. At
	// the end of the log, after the newest event, it returns none. ErrTrimmed, and
	// ErrEventsAhead for a number beyond the newest: the store has gone back in time.
	Events(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
	// PlanEvents returns those events alone that are about the plan itself, whose Task is
	// 0: its commands and transitions, from its creation on. They are numbered as in the
	// log of all events, so there are gaps. They are never trimmed: a store that keeps a
	// bounded number of events drops those of tasks. ErrEventsAhead as for Events.
	PlanEvents(ctx context.Context, id plan.ID, after int64, limit int) ([]plan.Event, error)
}

// PlanQuery selects plans.
type PlanQuery struct {
	// Before is the id below which to start; 0 starts at the newest.
	Before plan.ID
	// States, if not empty, are the ones wanted.
	States []plan.State
	// Limit is at most, and by default, MaxPage.
	Limit int
}

// TaskQuery selects tasks.
type TaskQuery struct {
	// After is the ordinal after which to start.
	After int
	// States, if not empty, are the ones wanted.
	States []task.State
	// Unheld wants only tasks in flight that no worker holds.
	Unheld bool
	// Limit is at most, and by default, MaxPage.
	Limit int
}
