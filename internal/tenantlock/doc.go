// Package tenantlock sees to it that at most one plan works on a tenant, over all processes.
//
// A [Manager] takes the locks of tenants, judges those of others and takes over stale ones. A
// [Releaser] releases what workers need no longer, many at a time. A [Cleaner] releases what plans
// at rest have left behind. The locks themselves are in the store, which changes them by comparison
// with their exact value and knows nothing of what they mean.
//
// # The life of a lock
//
// A lock names a task (plan and ordinal), the start under which it was taken, and a phase. Each
// hold of the tenant by the task has a phase of its own, so that whoever found an earlier hold
// stale, or comes late to release it, does not hit a later one:
//
//	free ── LockPlan ──► start ─────── first attempt ended ────────────► free
//	                       │
//	                       │ a retry or a rollback is decided
//	                       ▼
//	free ── Relock ────► intent ── not carried out ────────────────────► free
//	        Held           │
//	                       │ committed and claimed: LockRun
//	                       ▼
//	free ── LockRun ───► run ───────── its worker has ended ───────────► free
//
//	start             from the start of the plan, through the task's first attempt
//	intent + version  for a retry or a rollback that was decided on the task at that version
//	run + token       a later attempt or an undo, for as long as its worker has the task
//
// # Who needs a lock
//
// The store alone decides, by what it says of the plan and the task that the lock names:
//
//	the plan is removed or over                           stale
//	the start has another token than the plan             stale
//	the start is under way                                in the way; it may be given up
//	the start shows no sign of life for its TTL           its mark is removed, then stale
//	the task has a worker, or a state that keeps it       held
//	any other                                             stale
//
// # Invariants
//
//   - What is found stale stays stale as long as the lock has exactly the value that was read
//     before plan and task were. What could make it fresh again is undone first (the mark of a
//     start), or changes the value (a command takes the lock before it is committed, a worker
//     before it calls the executor).
//   - A task runs only under a lock that it had when its token was given. LockRun answers
//     [ErrOldToken] otherwise: the tokens of all who work on a tenant, one after the other, grow.
//   - Of two starts in each other's way the one with the smaller plan id waits, and the other gives
//     way: no two wait for each other.
//   - A plan for which a lock may have been taken is on the agenda until a Cleaner has walked over
//     all its tenants, and once more after [Lateness].
//
// # Failures
//
//	a process dies in a start    its mark runs out; any engine removes it, and the cleaner
//	                             releases the locks
//	a start is only slow         its mark was removed, so the commit that starts the plan is
//	                             refused; or it had succeeded, and keeps its locks
//	a command is not carried out ReleaseStale; if its process died, the reminder that it wrote
//	                             first brings the plan up, and the cleaner releases
//	a command stands still       the task is read again before its lock is replaced:
//	                             store.ErrConflict
//	a release is lost            the lock is stale: taken over, or left to the cleaner
//	a release arrives late       the lock has another value by then: nothing happens
//	a request arrives after its  the plan is kept for Lateness after it is over, so that the
//	plan came to rest            lock can still be judged and released
//	two take over one lock       one changes the exact value, the other asks again, ten times
//	                             at most
package tenantlock
