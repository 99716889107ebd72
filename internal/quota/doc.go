// Package quota makes sure that no more tasks with one value of a label are in flight than the
// quotas of their plans allow, over all plans and processes.
//
// A [Manager] takes and frees the places in quotas, and judges those of others. The places are in
// the store, which counts them, changes them by comparison with their exact values, and knows
// nothing of their meaning. A place names a task, the start of its plan, and a phase, which are
// those of the locks of tenants: see package tenantlock.
//
// # The life of a place
//
//	free ── Take ──► claim ─── not claimed, or not by this process ──────► free
//	                   │
//	                   │ claimed: Hold
//	                   ▼
//	free ── Hold ──► run ───── the task is not in flight any more ───────► free
//	                 │   ▲
//	                 └───┘ claimed again, under another token: Hold
//
// A place outlives its worker as long as the task is in flight: it waits, or another worker
// continues it. A task that comes back in flight, after a pause, a failure or for its undo, has no
// place; its worker takes one before it calls the executor or, if there is none, defers the task
// for a moment (task.WaitPlace).
//
// # Who needs a place
//
// The plan and the task that the place names decide, as the store has them:
//
//	the plan is removed or over             stale
//	the start has another token             stale
//	the task is in flight                   held
//	a claim of the last seconds             held: its worker may be about to replace it
//	otherwise                               stale
//
// # Invariants
//
//   - A stale place stays stale as long as it has exactly the value that was read before the plan
//     and the task were read: a worker gives it another value before it calls the executor, and
//     takes a new place if it is too late.
//   - A task that needs places in several quotas has all of them, or waits with none. One that
//     waits for its tenant has none either. So tasks never wait for each other.
//   - Each plan compares its own Max with all places, whichever plans have them.
//
// # Failures
//
//	a process dies between Take and   the place is stale after some seconds, and freed by whoever
//	Hold                              finds the quota full, or by the cleaner
//	a process dies in a run           the task is in flight until another one has taken it over
//	a place is not freed in the end   as above
//	a request arrives late            the place has another value by then, or is stale
package quota
