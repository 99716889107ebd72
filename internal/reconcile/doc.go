// Package reconcile carries out what a plan owes: what follows from its state, its counters and the
// time, and the parts of commands on many tasks that are still to be done.
//
// There is no leader and no assignment: any process may reconcile any plan at any time. Each step
// reads the plan, calls the pure core to decide, and commits the decision if the plan still has the
// version that was read. The process that loses a race reads again and sees what the winner did. So
// a [Reconciler] has no state.
//
// # What a plan can owe
//
// In this order, one step at a time, until the plan owes nothing that can be done here:
//
//	a transition of the plan           plan.Settle: it ends, is judged, opens an undo round
//	a start without a sign of life     finished if the plan skips tenants; otherwise its mark is
//	                                   removed, and the cleaner releases its locks
//	an addition without one            given up, as such a start is
//	a sweep                            the next batch of the first command on many tasks
//	removal of the plan                if it is over and was kept for the Retention
//	tasks of lost workers              taken from them, or FAILED after too many losses
//	stops that no worker can apply     applied to tasks in flight that no worker holds
//
// # When a plan is reconciled again
//
//	settled ─ at rest, locks not all released ────► soon, to see that they are
//	        ─ at rest, for less than Lateness ────► once more after it: a request may arrive late
//	        ─ over ───────────────────────────────► when it is to be removed
//	        ─ at rest ────────────────────────────► after the next command
//	        ─ a sweep waits for another start ────► after the PollInterval
//	        ─ being started ──────────────────────► when the start may have been given up
//	        ─ tasks to claim ─────────────────────► at once, behind the others
//	        ─ tasks in flight ────────────────────► after a quarter of the TTL: do workers live?
//	        ─ something is due later by itself ───► when it is due, or after a minute
//	unsettled (a fault, or too many steps) ────────► after the PollInterval, or at once
//
// # Invariants
//
//   - A plan that owes something is on the agenda: it is rescheduled only after a step that found
//     nothing to do, and only under the stamp with which it was due. A command in between gives the
//     plan a new stamp, and so keeps it due.
//   - A plan with tasks in flight is reconciled again within a bounded time, whatever the LeaseTTL
//     of this process: the process that holds the tasks may have a far shorter one.
//   - This process takes no task from itself. If the store lists its tasks as orphans, it sends a
//     heartbeat, and so learns whether its lease is over.
//   - A plan that is over is kept for Lateness at least.
//   - A step of a sweep reads a bounded number of tasks and changes at most store.MaxBatch, and a
//     call of Reconcile takes a bounded number of steps: however long a sweep is, it keeps no other
//     plan waiting, and no task of its own plan with a worker that is gone.
//
// # Failures
//
//	this process ends between two steps   the plan is still on the agenda: another process goes on
//	another process is faster             store.ErrConflict; the plan is read again, up to ten times
//	workers change what a sweep changes   store.ErrConflict; its batches become smaller
//	the store is unreachable              reported; reconciled again after the PollInterval
//	a task is damaged                     reported; the others are taken from lost workers
//	a removal takes long                  it stops after 100 ms; the plan is due at once
//	another process keeps plans longer    a walk over all plans, at the start and once a day
package reconcile
