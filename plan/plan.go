package plan

import (
	"strings"
	"time"

	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// ID identifies a plan.
type ID = task.PlanID

// Plan is one rollout over a list of tenants. It has the same size with three tenants and with
// 999,999, because it never holds its tasks.
type Plan struct {
	ID ID
	// The content that the plan was created with; it never changes, except that the tenants that
	// were Added count in TaskCount.
	Name           string
	ExecutorType   string
	Parameters     map[string]string
	Annotations    map[string]string
	Strategy       strategy.Strategy
	TaskCount      int
	IdempotencyKey string
	CreatedAt      time.Time
	CreatedBy      string // who created the plan; empty if nobody was named

	Control
	// Version is raised by every command and by every step that the plan takes without a command.
	Version uint64
	Facts
}

// Control is the part of a plan that decisions change.
type Control struct {
	State State
	// PauseReasons are the reasons for which a plan in [Paused] is paused.
	PauseReasons PauseReasons
	// Acknowledged counts the failures that the last resume accepted.
	// Invariant: Acknowledged <= failed tasks, except while a wave is being undone, or that undo is
	// being stopped.
	Acknowledged int
	// Grant is what may be claimed now. Unless the plan is in [Running], the grant opens no pending
	// task and only bounds how many of the tasks in flight workers hold; in [Failed] it also tells
	// how many failed tasks are tolerated.
	Grant strategy.Grant
	// Waves are the plan's waves; nil if it was created without. They change only when tenants are
	// added, and with the failures.
	Waves []Wave
	// Wave is the number of the open wave, from 1; 0 if none is open yet, or the plan has no waves.
	// It never goes back.
	Wave int
	// Gate is what the plan has passed since the open wave ended.
	Gate Gate
	// Approved are the numbers of the waves that somebody has approved of, in ascending order.
	Approved []int
	// Tuning is what was changed of the Strategy since the plan was created.
	Tuning strategy.Tuning
	// Starting marks a start that is under way, nil if none is; the plan still shows CREATED.
	Starting *Starting
	// Added is the number of tenants that were added since the plan was created. They are the last
	// of its tasks.
	Added int
	// Adding marks an addition of tenants that is under way, nil if none is.
	Adding *Adding
	// Dropped is how many tenants the last addition had, if it was given up; otherwise 0. The store
	// keeps them, because locks of them may still turn up.
	Dropped int
	// StartToken is part of every tenant lock of the plan; 0 before the start.
	StartToken uint64
	// Undo is the progress of a rollback of the plan, or of one of its waves.
	Undo Undo
	// Undone are the numbers of the waves that were rolled back by themselves, in ascending order;
	// of each the undo may still be under way.
	Undone []int
	// Sweeps are commands on many tasks that are still being carried out, one after the other; at
	// most [MaxSweeps].
	Sweeps []Sweep
	// StartedAt is the time of the start; EndedAt is when the plan last became COMPLETED, FAILED,
	// CANCELLED, ROLLED_BACK or ROLLBACK_FAILED.
	StartedAt, EndedAt time.Time
	// StartedBy is who started the plan; empty before the start, or if nobody was named.
	StartedBy string
}

// Facts is the part of a plan that the store keeps up to date with every commit.
type Facts struct {
	Counters Counters
	// Breached reports that a commit raised the number of failed tasks, or of those that failed in
	// the same way, above a bound of the grant. From that commit on no pending task is claimed; any
	// engine then carries out the strategy's action, which clears Breached.
	Breached bool
	// UndosExhausted reports that the open undo round has no task left to claim.
	UndosExhausted bool
	// LastEvent is the sequence number of the plan's newest event.
	LastEvent int64
	// Idle is the time, by the store's clock, since the Control last changed, with or without a
	// command.
	Idle time.Duration
	// Now is the time by the store's clock when the plan was read.
	Now time.Time
	// NextDue is the earliest Wait.Until of the tasks that are Waiting, by the store's clock; zero
	// if none is.
	NextDue time.Time
	// WaveCounters count the tasks of each wave, for the plans that have Waves. They are kept as
	// long as the plan can run: not when its state cancels pending tasks.
	WaveCounters []WaveCounters
	// FailureGroups count the FAILED tasks by error code and step.
	FailureGroups FailureGroups
	// WaveEndedAt is when the last task of the open wave ended, or of a plan without waves, by the
	// store's clock; zero while some have not ended.
	WaveEndedAt time.Time
}

// DueIn returns how long after Now the first waiting task may be claimed, 0 if it may be claimed
// already. waits is false if no task waits.
func (f Facts) DueIn() (d time.Duration, waits bool) {
	return max(0, f.NextDue.Sub(f.Now)), f.Counters.Waiting > 0
}

// WakeIn returns how long after Now something becomes due in the plan without a command: the end of
// a task's wait, the end of a bake, or the opening or closing of a window. wakes is false if
// nothing does.
func (p Plan) WakeIn() (d time.Duration, wakes bool) {
	d, wakes = p.DueIn()
	sooner := func(in time.Duration) {
		if !wakes || in < d {
			d, wakes = max(0, in), true
		}
	}
	rules := p.Rules()
	// A bake that is over needs a step at once, unless an addition of tenants keeps the plan open.
	if left, bakes := p.baking(&rules); bakes && !p.WaveEndedAt.IsZero() && !p.Exceeded() && (left > 0 || p.Adding == nil) {
		sooner(left)
	}
	if p.State == Running && p.Counters.Of(task.Pending) > p.PendingBeyond() {
		for _, edge := range []time.Time{p.Grant.NotBefore, p.Grant.NotAfter} {
			if edge.After(p.Now) {
				sooner(edge.Sub(p.Now))
			}
		}
	}
	return d, wakes
}

// Starting marks a plan whose tenant locks are being taken.
type Starting struct {
	// Token becomes the plan's StartToken if the start succeeds.
	Token uint64
	// TTL is the maximum time between two writes of the start. When more time has passed, any
	// engine may give the start up, or finish it if the plan's strategy is to skip tenants. The
	// process that makes the mark chooses it, and all processes follow it: processes that share a
	// store need not use the same LeaseTTL. 0 or less means [DefaultStartTTL].
	TTL time.Duration
	// Actor is who gave the command, Reason why.
	Actor, Reason string
	// Skipping reports that tasks are being skipped, because all locks were tried and other plans
	// hold some: see strategy.Skip. From then on the start is finished, by any engine, and is not
	// given up. Its locks count as those of a plan that was started.
	Skipping bool
}

// Adding marks a plan to which tenants are being added. Until the addition is complete they are
// stored after the plan's last task, and nobody sees or claims them.
type Adding struct {
	// Token identifies the addition.
	Token uint64
	// Tenants is how many tenants are added.
	Tenants int
	// TTL is the maximum time between two writes of the addition. When more time has passed, any
	// engine may give the addition up. 0 or less means [DefaultStartTTL].
	TTL time.Duration
	// Actor is who gave the command.
	Actor string
	// GivenUp reports that the addition will not be completed: the tenants that were locked for it
	// are being released.
	GivenUp bool
}

// DefaultStartTTL is the TTL of a [Starting], or an [Adding], that has none.
const DefaultStartTTL = 30 * time.Second

// StartLeft returns the time that is left until the start under way may be given up. 0 or less
// means that it may be given up now, or that no start is under way.
func (p Plan) StartLeft() time.Duration {
	switch {
	case p.Starting == nil:
		return 0
	case p.Starting.TTL <= 0:
		return DefaultStartTTL - p.Idle
	}
	return p.Starting.TTL - p.Idle
}

// PauseReasons is a set of reasons for a pause.
type PauseReasons uint8

// The reasons.
const (
	// PausedByHand: a command paused the plan.
	PausedByHand PauseReasons = 1 << iota
	// PausedByBreach: the strategy's action after too many failures.
	PausedByBreach
	// PausedByRejection: somebody rejected the next wave.
	PausedByRejection
)

// Has reports whether r contains all of reason.
func (r PauseReasons) Has(reason PauseReasons) bool { return r&reason == reason }

func (r PauseReasons) String() string { return strings.Join(r.Strings(), ", ") }

// Strings returns the names of the reasons.
func (r PauseReasons) Strings() []string {
	var names []string
	for bit, name := range pauseNames {
		if r.Has(1 << bit) {
			names = append(names, name)
		}
	}
	return names
}

// Over reports whether the plan is at rest in a state in which it may be removed and its tenant
// locks no longer count.
func (p Plan) Over() bool {
	return p.State.final() && p.AtRest()
}

// Sequential reports whether the plan was created to run its tasks one by one. Its rollback then
// follows the order of completion. No tuning and no addition changes it.
func (p Plan) Sequential() bool { return p.Strategy.Sequential(p.TaskCount - p.Added) }

// StopFor returns the stop in force for a task of the plan that is in flight.
func (c *Control) StopFor(ordinal int, t task.Control) task.Stop {
	if t.State == task.RollingBack {
		if c.Undo.Stopping {
			return task.StopCancel
		}
		return task.Go
	}
	return t.StopFor(c.stopAt(ordinal))
}

// Claims reports whether a running task with that request, which no worker holds, is claimed. What
// is to start does so only in a running plan that is not breached; what had started before goes on
// in a failed plan, and what is exempt also in a paused one.
func (c *Control) Claims(r task.Request, breached bool) bool {
	switch r {
	case task.ExemptRequest:
		return c.State.claimsExempt()
	case task.StartRequest:
		return c.State == Running && !breached
	case task.NoRequest, task.PauseRequest, task.CancelRequest:
	}
	return c.State.ClaimsRunning()
}

// Claimable reports whether a claim of a worker would find tasks, as far as the plan's grant,
// counters and undo round show.
func (p Plan) Claimable() bool {
	if d, waits := p.DueIn(); waits && d == 0 && p.waitersClaimable() {
		return true // a task that waits has its slot already
	}
	if !slotFree(&p) {
		return false
	}
	return p.MayBegin() || p.unheldClaimable() || p.Undo.Open && !p.UndosExhausted
}

// slotFree reports whether a slot is free for a task that has none.
func slotFree(p *Plan) bool { return p.Counters.Slots() < p.Grant.MaxSlots }

// MayBegin reports whether the grant allows a pending task to begin, if a slot is free.
func (p Plan) MayBegin() bool {
	return p.Grant.LastOrdinal > 0 && p.Counters.Of(task.Pending) > p.PendingBeyond() && !p.Breached &&
		p.Admits() && p.Grant.Opens(p.Now)
}

// unheldClaimable reports whether a task in flight waits for a worker, after a retry, a resume or
// the loss of its worker.
func (p Plan) unheldClaimable() bool {
	unheld := p.Counters.InFlight() - p.Counters.Slots()
	if p.State.ClaimsRunning() && !p.Claims(task.StartRequest, p.Breached) {
		unheld -= p.Counters.Starting
	}
	return unheld > 0 && p.waitersClaimable()
}

// waitersClaimable reports whether the plan's state allows claims of tasks in flight.
func (p Plan) waitersClaimable() bool {
	return p.State.ClaimsRunning() || p.State.claimsExempt() && p.Counters.Exempt > 0 ||
		p.Counters.Of(task.RollingBack) > 0 && !p.Undo.Stopping
}

// AtRest reports whether nothing happens to the plan any more without a command.
func (p Plan) AtRest() bool {
	c := p.Counters
	if c.InFlight() > 0 || len(p.Sweeps) > 0 || p.Starting != nil || p.Adding != nil || p.undoneWave() > 0 {
		return false
	}
	switch p.State {
	case Running:
		return !p.Breached && !p.Exceeded() && (p.Gate == GateApproval || p.heldUp())
	case Canceled:
		return c.Of(task.Paused) == 0
	case RollingBack:
		return false
	case Failed:
		return !recovered(&p)
	case Created, Paused, Completed, RolledBack, RollbackFailed:
	}
	return true
}

// recovered reports whether a failed plan is to be completed. A plan of which anything was undone
// is not: whether that was a success, only a person can tell. One that has waves to open or a bake
// left needs a resume, because only a running plan opens waves and bakes.
func recovered(p *Plan) bool {
	c := &p.Counters
	return p.State == Failed && c.Left() == 0 && c.Of(task.Completed) > 0 && !p.Exceeded() && p.GatesPassed() &&
		c.Of(task.RolledBack)+c.Of(task.RollbackFailed) == 0 && p.undoneWave() == 0 && len(p.Undone) == 0 && len(p.Sweeps) == 0 && p.Adding == nil
}
