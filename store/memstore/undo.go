package memstore

import (
	"cmp"
	"slices"
)

// begin sets u to the start of the round. No task runs during the round, so the order in which
// holds ended does not change for the tasks that it undoes.
func (u *undoRound) begin(p *rollout) {
	u.begun = true
	u.next = uint32(p.tasks.n)
	if !p.plan.Sequential() {
		return
	}
	u.order = make([]uint32, 0, p.tasks.n)
	for o := uint32(1); o <= u.next; o++ {
		if p.tasks.at(o).attempt > 0 {
			u.order = append(u.order, o)
		}
	}
	slices.SortFunc(u.order, func(a, b uint32) int {
		return cmp.Compare(p.tasks.at(a).released, p.tasks.at(b).released)
	})
	u.next = uint32(len(u.order))
}
