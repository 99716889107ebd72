package plan

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cutover-go/cutover/internal/schedule"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/plan/strategy/window"
	"github.com/cutover-go/cutover/task"
)

// By is who gave a command, why and when, and what the command depends on.
type By struct {
	Actor, Reason string
	Now           time.Time
	// Version is the version of the plan for which the command was given, 0 for any: see
	// [By.Check].
	Version uint64
	// StayStopped, only with [Plan.RetryTask], runs the task alone: the plan stays as it is, and
	// the task runs although its plan is failed or paused.
	StayStopped bool
}

// Decision is the change of a plan and its tasks that a command makes, or that is due without a
// command. A store commits it completely or not at all, under the plan's Version and the versions
// in the edits.
type Decision struct {
	// Plan is the plan after the change.
	Plan Plan
	// Edits are the changes of tasks.
	Edits []task.Edit
	// Events record the change, in order; the store fills in Seq, At and AtRest.
	Events []Event
	// Changed reports that there is something to commit.
	Changed bool
	// Unchanged reports that the plan or task was already as the command asks. Changed may
	// nevertheless be set, because of steps of the plan that were due.
	Unchanged bool

	// Acknowledges reports that the failures which there are in every group become acknowledged,
	// after the edits: a store does that itself, because workers may have failed further tasks.
	Acknowledges bool

	// counted means that Plan.WaveCounters is a copy of the decision's own, grouped that
	// Plan.FailureGroups is.
	counted, grouped bool
}

// ErrNotApplicable is matched by every *StateError.
var ErrNotApplicable = errors.New("plan: command does not apply")

// StateError is the error of a command that does not apply to a plan, or to one of its tasks, in
// its present state: usually the command comes too late, sometimes too early. It matches
// [ErrNotApplicable].
type StateError struct {
	Plan ID
	// Task is the task that the command was about, 0 if it was about the plan.
	Task task.ID
	// Command is the name of the command, for instance "retry".
	Command string
	// PlanState and, for a command on a task, TaskState are the states found.
	PlanState State
	TaskState task.State
	// Worker is the worker that holds the task now; empty if none does.
	Worker string
	// Why adds what the states alone do not show; may be empty.
	Why string
}

func (e *StateError) Error() string {
	msg := fmt.Sprintf("plan %s: %s does not apply to a plan in state %s", e.Plan, e.Command, e.PlanState)
	if e.Task != 0 {
		msg = fmt.Sprintf("task %s: %s does not apply to a task in state %s of a plan in state %s",
			e.Task, e.Command, e.TaskState, e.PlanState)
	}
	if e.Why != "" {
		msg += ": " + e.Why
	}
	return msg
}

// Is reports whether target is [ErrNotApplicable].
func (e *StateError) Is(target error) bool { return target == ErrNotApplicable }

func (d Decision) unchanged() (Decision, error) {
	d.Unchanged = true
	return d, nil
}

func (d *Decision) notApplicable(c fmt.Stringer, why string) error {
	if why == "" && d.Plan.State == Created {
		why = "it has not been started"
	}
	return &StateError{Plan: d.Plan.ID, Command: c.String(), PlanState: d.Plan.State, Why: why}
}

// move moves the plan to another state by a cause. The caller has checked that the transition is
// allowed.
func (d *Decision) move(c Cause, to State, by By) {
	p := &d.Plan
	if !p.State.allows(c, to) {
		// Every caller switches on the state first, so this is a bug of this package.
		panic(fmt.Sprintf("plan: no transition from %s by %s to %s", p.State, c, to))
	}
	d.note(c, p.State, to, by)
	p.State = to
	p.Breached = false
	if to != Paused {
		p.PauseReasons = 0
	}
	if to.CancelsPending() {
		p.Counters.CancelPending()
		p.TrackWaveEnd(p.Now)
		p.Sweeps = nil
	}
	if to == Paused || c == ByBreach {
		p.dropSweep(SweepResume)
	}
	if c == ByBreach {
		p.dropSweep(SweepRetry)
		p.dropSweep(SweepResumeTasks)
	}
	if to == Running {
		p.Gate = min(p.Gate, GateBaked) // it asks again, unless the wave was approved of meanwhile
	}
	switch to {
	case Completed, Failed, Canceled, RolledBack, RollbackFailed:
		p.EndedAt = by.Now
	case Created, Running, Paused, RollingBack:
		p.EndedAt = time.Time{}
	}
	d.regrant()
	if to == Running {
		d.noteUndoneWave(by)
	}
}

// note records a plan event.
func (d *Decision) note(c Cause, from, to State, by By) {
	d.Changed = true
	d.Events = append(d.Events, Event{
		Plan: d.Plan.ID, Cause: c.String(), From: from.String(), To: to.String(),
		Actor: by.Actor, Reason: by.Reason,
	})
}

// noteWave records a plan event about a wave, which leaves the plan's state as it is.
func (d *Decision) noteWave(c Cause, wave int, by By) {
	d.note(c, d.Plan.State, d.Plan.State, by)
	d.Events[len(d.Events)-1].Wave = wave
}

// noteUndoneWave records that a plan which runs again goes on with the pending tasks of a wave that
// was undone.
func (d *Decision) noteUndoneWave(by By) {
	p := &d.Plan
	pending := p.Counters.Of(task.Pending) - p.PendingBeyond()
	if _, undone := slices.BinarySearch(p.Undone, p.Wave); !undone || pending <= 0 {
		return
	}
	reason := fmt.Sprintf("goes on with %d pending tasks of the wave, which was undone", pending)
	d.noteWave(ByResume, p.Wave, By{Reason: reason, Now: by.Now})
}

// regrant calls the strategy for a new grant. The grant of a plan that does not run opens no task;
// it only bounds how many of the tasks in flight are worked on, or undone, at once, and in a failed
// plan tells whether the failures that are left are tolerated.
func (d *Decision) regrant() strategy.Decision {
	p := &d.Plan
	p.Acknowledged = min(p.Acknowledged, p.Counters.Of(task.Failed))
	rules, waves := p.Rules(), tallies(p)
	d.tolerate(&rules, waves)
	openings, known := openings(&rules)
	decided := rules.Decide(strategy.Rollout{
		Waves: waves, Open: p.openNumber(), Acknowledged: p.Acknowledged, Same: p.FailureGroups.unaccepted(), Schedule: openings, Now: p.Now,
	})
	switch {
	case known:
	case p.Grant.LastOrdinal > 0:
		decided.NotBefore, decided.NotAfter = p.Grant.NotBefore, p.Grant.NotAfter
	default:
		decided.LastOrdinal = 0
	}
	switch p.State {
	case Running:
	case Failed:
		decided = strategy.Decision{Grant: strategy.Grant{
			MaxSlots: decided.MaxSlots, MaxFailed: decided.MaxFailed, MaxSameFailures: decided.MaxSameFailures,
		}}
	case Paused:
		decided = strategy.Decision{Grant: strategy.Grant{MaxSlots: decided.MaxSlots}}
	case Created, Completed, Canceled, RollingBack, RolledBack, RollbackFailed:
		// What may be claimed are undos, which the waves do not bound.
		decided = strategy.Decision{Grant: strategy.Grant{MaxSlots: rules.Concurrency(p.TaskCount)}}
	}
	if closing(p.Sweeps) != nil {
		decided.LastOrdinal = 0
	}
	if p.Grant != decided.Grant {
		p.Grant = decided.Grant
		d.Changed = true
	}
	return decided
}

// openings returns the schedule of the strategy's windows, nil if it has none. known is false if
// this host does not know one of their zones. It then leaves the decision when to open to hosts
// that do: it keeps the bounds that they have set, and opens nothing by itself.
func openings(rules *strategy.Strategy) (s *window.Schedule, known bool) {
	if len(rules.Windows) == 0 {
		return nil, true
	}
	s, err := schedule.Of(rules.Windows)
	return s, err == nil
}

// tolerate brings the acknowledged and the tolerated failures of every wave up to date.
func (d *Decision) tolerate(rules *strategy.Strategy, tallies []strategy.Tally) {
	p := &d.Plan
	if p.State.CancelsPending() {
		return // the counters of the waves are not kept any more
	}
	own := false
	for i, w := range p.Waves {
		next := Wave{Last: w.Last, Acknowledged: tallies[i].Acknowledged, MaxFailed: rules.Tolerated(i+1, tallies[i])}
		if next == w {
			continue
		}
		if !own {
			p.Waves, own = slices.Clone(p.Waves), true // the plan as it was read still uses the other slice
		}
		p.Waves[i] = next
		d.Changed = true
	}
}

// edit adds a change of a task and its event.
func (d *Decision) edit(t task.Task, e task.Edit, by By) {
	d.Changed = true
	d.Edits = append(d.Edits, e)
	d.Plan.Counters.Move(t.State, e.State)
	d.countInWave(t, e.State)
	if t.State == task.Failed || e.State == task.Failed {
		d.ownGroups()
		d.Plan.FailureGroups.Move(t.State, e.State, t.Failure, e.Failure, d.Plan.Counters.Of(task.Failed))
	}
	if e.Release && t.Worker != "" {
		d.Plan.Counters.Held--
	}
	if t.Worker == "" {
		d.Plan.Counters.Unhold(t.Request, -1)
	}
	if t.Worker == "" || e.Release {
		d.Plan.Counters.Unhold(e.Request, 1)
	}
	if t.Waiting {
		d.Plan.Counters.Waiting-- // an edit ends the wait, or stops the task
	}
	if t.State == e.State && t.Request == e.Request && e.Release {
		return // the loss of a worker alone is no event: the task's state is unchanged
	}
	d.Events = append(d.Events, Event{
		Plan: d.Plan.ID, Task: t.ID, Cause: e.Cause.String(),
		From: t.State.String(), To: e.State.String(), Attempt: e.Attempt,
		Actor: by.Actor, Reason: by.Reason, Failure: failureOf(e),
	})
}

// countInWave counts, in its wave, a task that goes from one state to another. If it is a task of
// the open wave that had ended, the way to the next wave begins anew.
func (d *Decision) countInWave(t task.Task, to task.State) {
	p := &d.Plan
	if len(p.Waves) > 0 && !p.State.CancelsPending() {
		if !d.counted {
			p.WaveCounters, d.counted = slices.Clone(p.WaveCounters), true
		}
		w := p.WaveOf(t.ID.Ordinal())
		p.WaveCounters[w-1].Move(t.State, to)
		if w == p.Wave && t.State.Ended() && !to.Ended() {
			p.Gate = GateNone
		}
		d.dropApprovalRequest() // the last task of the wave that was asked about may have been skipped
	}
	p.TrackWaveEnd(p.Now)
}

// ownGroups makes the decision's FailureGroups a copy: the plan as it was read still uses the other
// slice.
func (d *Decision) ownGroups() {
	if !d.grouped {
		d.Plan.FailureGroups, d.grouped = slices.Clone(d.Plan.FailureGroups), true
	}
}

func failureOf(e task.Edit) *task.FailureInfo {
	if e.State == task.Failed || e.State == task.RollbackFailed || e.State == task.Skipped {
		return e.Failure
	}
	return nil
}
