package plan

import (
	"fmt"

	"github.com/cutover-go/cutover/task"
)

// Undo is the progress of a rollback, of the plan or of one of its waves.
type Undo struct {
	// Round counts the rollbacks. A new round goes through the tasks again, from the last to the
	// first, and undoes those that are not undone yet.
	Round int
	// First and Last are the ordinals of the wave that is being undone, 0 if none is. From the
	// command on, what runs there is canceled; all other tasks go on as the plan's state says.
	First, Last int
	// Next is the number of the wave that the failure action is about to undo; 0 if it is none.
	Next int
	// Open reports that undos may be claimed, because nothing that is to be undone is running.
	Open bool
	// Stopping reports that the rollback was canceled and that undos in flight stop at their next
	// boundary.
	Stopping bool
}

// OfWave reports whether a wave is being undone, and not the whole plan.
func (u Undo) OfWave() bool { return u.Last > 0 }

// Covers reports whether a task belongs to the wave that is being undone.
func (u Undo) Covers(ordinal int) bool { return u.OfWave() && u.First <= ordinal && ordinal <= u.Last }

// undoneWave returns the number of the wave that is being undone, or is about to be, 0 if none is.
func (c *Control) undoneWave() int {
	if c.Undo.OfWave() {
		return c.WaveOf(c.Undo.First)
	}
	return c.Undo.Next
}

// undoesOpenWave reports whether the open wave is being undone, or is about to be: its pending
// tasks must not begin meanwhile.
func (c *Control) undoesOpenWave() bool {
	return c.Wave > 0 && (c.undoneWave() == c.Wave || c.Undo.Next == c.Wave)
}

// beingUndone is why a command does not apply: a wave is being undone.
func beingUndone(wave int) string { return fmt.Sprintf("wave %d is being undone", wave) }

// stopAt returns the stop that the plan puts in force for a running task.
func (c *Control) stopAt(ordinal int) task.Stop {
	if c.Undo.Covers(ordinal) {
		return task.StopCancel
	}
	return c.State.Stop()
}
