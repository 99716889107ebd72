package memstore

import (
	"cmp"
	"slices"
)

// begin sets the round to its start. From here on nothing runs, so the order in
// which holds ended is settled for all that the round will come to.
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
