package memstore

import (
	"cmp"
	"slices"

	"github.com/cutover-go/cutover/task"
)

// nextPending returns the first pending task with an ordinal from from to until, or 0.
func (p *rollout) nextPending(from, until uint32) uint32 {
	for o := from; o <= until; o++ {
		if p.tasks.at(o).State == task.Pending {
			return o
		}
	}
	return 0
}

// nextUndo returns the first undoable task from a position down to another, or 0.
func (p *rollout) nextUndo(from, until uint32) uint32 {
	if p.plan.Sequential() {
		return p.turns.next(p, from)
	}
	for o := from; o >= until && o > 0; o-- {
		if undoable(p.tasks.at(o)) {
			return o
		}
	}
	return 0
}

func undoable(r *record) bool {
	return (task.Control{State: r.State, Attempt: int(r.Attempt)}).Undoable()
}

// turns is the order in which the open undo round of a sequential plan undoes its tasks.
type turns struct {
	round int    // the plan's Undo.Round to which left belongs
	left  []turn // the next one is the last
}

// turn is a task and its Released at the beginning of the round.
type turn struct{ released, ordinal uint32 }

// next returns the next task that was released at a position or before, or 0.
func (u *turns) next(p *rollout, from uint32) uint32 {
	if u.round != p.plan.Marks.Round {
		u.begin(p)
	}
	for ; len(u.left) > 0; u.left = u.left[:len(u.left)-1] {
		last := u.left[len(u.left)-1]
		if r := p.tasks.at(last.ordinal); last.released <= from && r.Released == last.released && undoable(r) {
			return last.ordinal
		}
	}
	u.left = nil
	return 0
}

// begin sets u to the start of the round.
func (u *turns) begin(p *rollout) {
	first, last := uint32(1), uint32(p.tasks.n)
	if part := p.plan.Undo; part.OfWave() {
		first, last = uint32(part.First), uint32(part.Last)
	}
	u.round, u.left = p.plan.Marks.Round, make([]turn, 0, last-first+1)
	for o := first; o <= last; o++ {
		if r := p.tasks.at(o); r.Released > 0 {
			u.left = append(u.left, turn{r.Released, o})
		}
	}
	slices.SortFunc(u.left, func(a, b turn) int { return cmp.Compare(a.released, b.released) })
}
