package plan

import (
	"fmt"
	"strings"

	"github.com/cutover-go/cutover/task"
)

// Counters are the numbers of tasks of a plan in each state.
//
// Invariant: the sum over all states is the plan's number of tasks.
type Counters struct {
	// States is indexed by task.State. The pending tasks of a plan that cancels
	// them count as canceled.
	States [task.NumStates]int
	// Held counts the tasks that workers hold, Waiting those that keep their slot without a worker:
	// see task.Task.Waiting.
	// Invariant: Held + Waiting <= InFlight().
	Held, Waiting int
	// Starting counts the tasks with a StartRequest, Exempt those with an ExemptRequest that no
	// worker holds.
	// Invariant: Held + Starting + Exempt <= InFlight().
	Starting, Exempt int
}

// Slots returns how many slots of the plan's concurrency are taken.
func (c Counters) Slots() int { return c.Held + c.Waiting }

// String lists the states that tasks are in, for instance "18 COMPLETED, 2 FAILED".
func (c Counters) String() string {
	var parts []string
	for s, n := range c.States {
		if n != 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, task.State(s)))
		}
	}
	return strings.Join(parts, ", ")
}

// Of returns how many tasks are in state s.
func (c Counters) Of(s task.State) int { return c.States[s] }

// Total returns the number of tasks.
func (c Counters) Total() int {
	sum := 0
	for _, n := range c.States {
		sum += n
	}
	return sum
}

// InFlight returns how many tasks are running or being rolled back.
func (c Counters) InFlight() int { return c.States[task.Running] + c.States[task.RollingBack] }

// Left returns how many tasks have not ended.
func (c Counters) Left() int {
	return c.States[task.Pending] + c.States[task.Paused] + c.InFlight()
}

// Ended returns how many tasks have ended.
func (c Counters) Ended() int { return c.Total() - c.Left() }

// Move counts a task that goes from one state to another.
func (c *Counters) Move(from, to task.State) {
	c.States[from]--
	c.States[to]++
}

// Unhold counts a task without a worker that leaves, by -1, or enters, by 1, the tasks with that
// request.
func (c *Counters) Unhold(r task.Request, by int) {
	switch r {
	case task.ExemptRequest:
		c.Exempt += by
	case task.StartRequest:
		c.Starting += by
	case task.NoRequest, task.PauseRequest, task.CancelRequest:
	}
}

// CancelPending counts all pending tasks as canceled.
func (c *Counters) CancelPending() {
	c.States[task.Canceled] += c.States[task.Pending]
	c.States[task.Pending] = 0
}
