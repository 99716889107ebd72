package rules

import (
	"slices"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Plan is a plan as a store keeps it. The rules change it in place.
//
// A store can keep it in parts that change at different times: what FinishCreate fixed; Control,
// Version and Commands, which only Apply changes; Facts and Marks, which both steps change; and of
// the Facts the WaveCounters, of which a step changes a few.
type Plan struct {
	// Plan has everything but Idle, Now and NextDue, which Snapshot and its caller fill in.
	plan.Plan
	Marks    Marks
	Commands Commands

	claimed []uint32 // Outcome.Claimed
}

// Marks are facts about a plan that are of no interest outside of its store. The zero value is that
// of a new plan.
type Marks struct {
	// Floor is a lower bound: tokens issued from now on are greater.
	Floor task.Token
	// Releases counts the ends of holds: see Task.Released.
	Releases uint32
	// Claims counts the claims, for a store that numbers them in this way.
	Claims uint32
	// Pending: no task with a smaller ordinal is pending.
	Pending uint32
	// Round is the Undo.Round of the plan to which Undo belongs.
	Round int
	// Undo: the round has passed all tasks at this position and beyond; 0 if it has not begun. See
	// Undoable for what a position is.
	Undo uint32
	// Appended is the number of tenants that the addition under way has stored. AppendTenants keeps
	// it up to date.
	Appended int
}

// Stamp is a reading of the store's clock in nanoseconds since 1970, 0 for none.
type Stamp int64

// Time returns t as a time in UTC, and the zero time for the zero stamp.
func (t Stamp) Time() time.Time {
	if t == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(t)).UTC()
}

// StampOf returns the stamp of a time, 0 for the zero time.
func StampOf(t time.Time) Stamp {
	if t.IsZero() {
		return 0
	}
	return Stamp(t.UnixNano())
}

// Moment is when a step takes place.
type Moment struct {
	Now Stamp
	// Newest is the greatest token that was issued in any plan, or greater.
	Newest task.Token
}

// Outcome is what a step asks of its store, beside writing what it changed.
type Outcome struct {
	// AtRest reports that the last event of the step leaves the plan at rest: it is stored with
	// that mark.
	AtRest bool
	// Newest is the greatest token that was issued in any plan, now that the step has issued some.
	Newest task.Token
	// Claimed are the ordinals of the tasks that a commit claimed, for Batch.Claimed. They stay
	// valid until the next step of the plan.
	Claimed []uint32
	// Repeated reports that the plan remembers the command: nothing has changed.
	Repeated bool
	// Added is the number of tenants, stored by an addition, that have become tasks.
	Added int
	// Dropped reports that the tenants that are stored for an addition, apart from those in Added,
	// belong to one that was given up: they are deleted.
	Dropped bool
}

// Commands remembers the ids of the last store.KeptCommands commands.
type Commands struct {
	IDs []string
	// Next is the index of the oldest id as soon as there are as many as are kept.
	Next int
}

// Has reports whether the command is remembered.
func (c *Commands) Has(id string) bool { return slices.Contains(c.IDs, id) }
