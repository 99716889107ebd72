package redisstore

import (
	"fmt"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/store"
)

// WentBackError means that a plan is older than it was when this process last saw it: commits that
// were acknowledged are lost. It matches [ErrWentBack]. The store returns it once; from then on it
// uses the plan as it is. If the plan is gone together with all other data of the store, the error
// matches store.ErrNotFound too.
type WentBackError struct {
	Plan plan.ID
	// Seen is the number of the newest event that this process has seen, Found the number of the
	// newest event in the store, 0 if nothing is left.
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
