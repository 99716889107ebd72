package memstore

import (
	"cmp"
	"slices"
)

// begin sets u to the start of the round. Nothing that the round is about runs meanwhile, so the
// order in which holds ended does not change for the tasks that it undoes.
func (u *undoRound) begin(p *rollout) {
	u.begun = true
	u.first, u.next = 1, uint32(p.tasks.n)
	if part := p.plan.Undo; part.OfWave() {
		u.first, u.next = uint32(part.First), uint32(part.Last)
	}
	if !p.plan.Sequential() {
		return
	}
	u.order = make([]uint32, 0, u.next-u.first+1)
	for o := u.first; o <= u.next; o++ {
		if p.tasks.at(o).attempt > 0 {
			u.order = append(u.order, o)
		}
	}
	slices.SortFunc(u.order, func(a, b uint32) int {
		return cmp.Compare(p.tasks.at(a).released, p.tasks.at(b).released)
	})
	u.first, u.next = 1, uint32(len(u.order))
}
