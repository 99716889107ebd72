package planrecord

import (
	"math"

	"github.com/cutover-go/cutover/task"
)

// HoldFault says what makes no sense in a lock of a tenant, or a place in a quota, that was read:
// it has to name a task that can exist. It returns "" for a sound one.
func HoldFault(plan, ordinal, phase int64) string {
	switch {
	case !task.PlanID(plan).Valid():
		return "there is no such plan's id"
	case ordinal < 1 || ordinal > task.MaxPerPlan:
		return "there is no such ordinal"
	case phase < 0 || phase > math.MaxUint32:
		return "there is no such phase"
	}
	return ""
}
