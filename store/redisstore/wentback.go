package redisstore

import (
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// WentBackError says that a plan is older than it was when this process last saw
// it: commits that were acknowledged are lost. It matches [ErrWentBack]. It is
// returned once; from then on the plan is taken as it is. A plan that is gone together
// with all that the store knew matches store.ErrNotFound too.
type WentBackError struct {
	Plan plan.ID
	// Seen is the number of the newest event that was seen, Found that of the newest
	// there is, 0 if nothing is left.
	Seen, Found int64
}

func (e *WentBackError) Error() string {
	if e.Found == 0 {
		return fmt.Sprintf("redisstore: plan %s is gone, and the store knows of no such plan: it has lost its data", e.Plan)
	}
	return fmt.Sprintf("redisstore: plan %s went back in time: event %d is gone, the newest is %d", e.Plan, e.Seen, e.Found)
}

// Is reports whether target is [ErrWentBack], or store.ErrNotFound if nothing is left.
func (e *WentBackError) Is(target error) bool {
	return target == ErrWentBack || target == store.ErrNotFound && e.Found == 0
}
