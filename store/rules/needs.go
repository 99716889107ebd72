package rules

import (
	"slices"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/task"
)

// Need is what a store reads before a step, beside the plan.
type Need struct {
	// Tasks are the ordinals of tasks that are changed, or chosen by a claim: ascending, each once,
	// none beyond the plan's last.
	Tasks []uint32
	// UndoLogs are those of Tasks of which the undo log is needed, too.
	UndoLogs []uint32
	// Claims are the ids of the claims that are asked for.
	Claims []string
	// Queues are read from their first task on, First tasks of each; of the others nothing is read,
	// because they are empty, or do not matter.
	Queues QueueSet
	First  int
	// Pending and Undoable are windows: the tasks at positions from From to Until, as many of them
	// as the store likes. They are empty if none is needed.
	Pending, Undoable Window
}

// QueueSet is a set of queues.
type QueueSet uint16

// Has reports whether the queue is in the set.
func (s QueueSet) Has(q Queue) bool { return s>>q&1 != 0 }

func (s *QueueSet) add(queues ...Queue) {
	for _, q := range queues {
		*s |= 1 << q
	}
}

// Window is a range of positions of Pending, upwards, or of Undoable, downwards. The zero value is
// empty.
type Window struct{ From, Until uint32 }

// Empty reports whether there is no position in the window.
func (w Window) Empty() bool { return w.From == 0 }

// Needs returns what commits of the plan need that are carried out one after the other.
func Needs(p *Plan, work []*store.Batch) Need {
	var n Need
	pending := 0
	for _, b := range work {
		for i := range b.Changes {
			n.change(p, &b.Changes[i])
		}
		if b.Claim.Max == 0 {
			continue
		}
		n.Claims = append(n.Claims, b.Claim.ID)
		n.First += b.Claim.Max
		if !b.Claim.Chosen {
			pending += b.Claim.Max
		}
		for _, ordinal := range b.Claim.Pending {
			n.add(p, ordinal)
		}
	}
	if last := uint32(max(0, min(p.Grant.LastOrdinal, p.TaskCount))); pending > 0 && max(1, p.Marks.Pending) <= last {
		n.Pending = Window{max(1, p.Marks.Pending), last}
	}
	n.finish(p, p)
	return n
}

// NeedsOf returns what a command needs, and a Snapshot of the plan after it.
func NeedsOf(p *Plan, c *store.Command) Need {
	var n Need
	for i := range c.Edits {
		n.add(p, c.Edits[i].ID.Ordinal())
	}
	n.First = len(c.Edits) // as many of those that wait may cease to
	after := *p
	after.Control, after.TaskCount = c.Plan.Control, c.Plan.TaskCount
	if after.Undo.Round != p.Marks.Round {
		after.UndosExhausted, after.Marks.Undo = false, 0
	}
	n.finish(p, &after)
	return n
}

// add adds a task if the plan has it.
func (n *Need) add(p *Plan, ordinal int) {
	if ordinal >= 1 && ordinal <= p.TaskCount {
		n.Tasks = append(n.Tasks, uint32(ordinal))
	}
}

func (n *Need) change(p *Plan, w *store.Change) {
	if w.Task.Plan() != p.ID {
		return
	}
	n.add(p, w.Task.Ordinal())
	if w.UndoStep != "" {
		n.UndoLogs = append(n.UndoLogs, uint32(w.Task.Ordinal()))
	}
}

// finish adds the queues that are not empty, and the window of the undo round that is open after
// the step.
func (n *Need) finish(p, after *Plan) {
	for _, list := range []*[]uint32{&n.Tasks, &n.UndoLogs} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	n.First++ // the view, and the snapshot, show the next one
	n.Queues = p.filled()
	if after.Undo.Open && !after.UndosExhausted {
		from := after.Marks.Undo
		if from == 0 {
			from = after.undoFrom() + 1
		}
		if until := after.undoUntil(); from > until {
			n.Undoable = Window{from - 1, until}
		}
	}
}

// filled returns the queues that may have tasks, as the counters say.
func (p *Plan) filled() (s QueueSet) {
	c := &p.Counters
	if c.Waiting > 0 {
		s.add(Waiting)
		if c.Exempt > 0 {
			s.add(WaitingExempt)
		}
		if c.Of(task.RollingBack) > 0 {
			s.add(WaitingUndos)
		}
	}
	if c.InFlight() > c.Slots() {
		s.add(Running)
		if c.Exempt > 0 {
			s.add(Exempt)
		}
		if c.Starting > 0 {
			s.add(Starting)
		}
		if c.Of(task.RollingBack) > 0 {
			s.add(Undoing)
		}
	}
	return s
}
