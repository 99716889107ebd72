package storetest

import (
	"slices"

	"github.com/cutover-go/cutover/task"
)

func waitCases() []testCase {
	return slices.Concat(
		[]testCase{
			{name: "for a hold", run: func(e *env) { deferOnce(e, task.WaitHold) }},
			{name: "before the next attempt", run: func(e *env) { deferOnce(e, task.WaitBackoff) }},
			{name: "to prove a success", run: func(e *env) { deferOnce(e, task.WaitProving) }},
			{name: "failure of the last attempt", run: deferFailure},
			{name: "of an undo", run: deferUndo},
			{name: "of an undo that is stopping", run: deferStoppingUndo},
			{name: "of an undo is over while it is stopping", run: deferredUndoStops},
			{name: "of an undo is only for a hold", run: deferUndoIllegal},
			{name: "repeated", run: deferRepeated},
			{name: "by a stale worker", run: deferFenced},
			{name: "impossible", run: deferInvalid},
			{name: "does not put its plan on the agenda", run: deferAgenda},
			{name: "elapsed", run: elapsedStored},
			{name: "elapsed begins anew", run: elapsedCleared},
		},
		deferStopCases(),
		waitClaimCases(),
		waitEditCases(),
		waitViewCases(),
	)
}
