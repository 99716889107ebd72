// Package reconcile carries out what a plan owes: what follows from its state, its counters and the
// time, and what commands on many tasks have left to do.
//
// There is no leader and no assignment: any process may reconcile any plan at any time. Each step
// reads the plan, lets the pure core decide, and commits on the version that was read. The loser of
// a race reads again and sees what the winner did. So a [Reconciler] has no state of its own.
//
// # What a plan can owe
//
// In this order, one step at a time, until it owes nothing that can be done here:
//
//	a transition of its own            plan.Settle: it ends, is judged, opens a wave or undo round
//	a start that shows no life         its mark is removed; the cleaner releases its locks
//	a sweep                            one batch further: resume, retry, cancel of paused tasks
//	its removal                        if it is over and was kept for the Retention
//	tasks of lost workers              taken from them, or FAILED after too many losses
//	stops that nobody else can apply   to tasks in flight that no worker holds
//
// # When it is looked at again
//
//	settled ─ at rest, locks not all released ────► soon, to see that they are
//	        ─ at rest, for less than Lateness ────► after it, once: a request may arrive late
//	        ─ over ───────────────────────────────► when it is to be removed
//	        ─ at rest ────────────────────────────► after the next command
//	        ─ a sweep waits for another start ────► after the PollInterval
//	        ─ being started ──────────────────────► when the start may have been given up
//	        ─ tasks to claim ─────────────────────► at once, behind the others
//	        ─ tasks in flight ────────────────────► after a quarter of the TTL: do workers live?
//	unsettled (a fault, or too many steps) ────────► after the PollInterval, or at once
//
// # Invariants
//
//   - Whatever is owed is on the agenda: a plan is rescheduled only after the look that found
//     nothing to do, under the stamp with which it was due. A command in between puts it there
//     again.
//   - A plan with tasks in flight is looked at within a bounded time, however the lease of this
//     process is set: whoever holds the tasks may have a far shorter one.
//   - This process takes no task from itself. If the store says that its lease is over, it renews,
//     and so finds out.
//   - A plan that is over is kept for Lateness at least.
//
// # Failures
//
//	this process ends between two steps   the plan is still on the agenda: another process goes on
//	somebody else is faster               store.ErrConflict; it is read again, ten times at most
//	the store is away                     reported; looked at again after the PollInterval
//	a task is damaged                     reported; the others are taken from lost workers
//	a removal takes long                  it is broken off after 100 ms and the plan is due at once
//	another process keeps plans longer    a walk over all plans, at the start and once a day
package reconcile
