// Package tenantlock makes sure that at most one plan works on a tenant, over all processes.
//
// A [Manager] locks tenants, judges the locks of other plans and takes over stale ones. A
// [Releaser] releases, many at a time, tenants that workers do not need any more. A [Cleaner]
// releases the locks that plans at rest have left behind. The locks themselves are in the store,
// which changes them by comparison with their exact value and knows nothing of their meaning.
//
// # The life of a lock
//
// A lock names a task (plan and ordinal), the start under which it was taken, and a phase. Each
// hold of the tenant by the task has its own phase, so that a process that found an earlier hold
// stale, or that releases it late, does not release a later one:
//
//	free ── LockPlan ──► start ─────── first attempt ended ────────────► free
//	                       │
//	                       │ a retry or a rollback is decided
//	                       ▼
//	free ── Relock ────► intent ── not carried out ────────────────────► free
//	        Held           │
//	                       │ committed and claimed: LockRun
//	                       ▼
//	free ── LockFree ──► claim ─── not claimed, or not by this process ► free
//	                       │
//	                       │ claimed: LockRun
//	                       ▼
//	free ── LockRun ───► run ───────── its worker has ended ───────────► free
//
//	start             from the start of the plan, through the task's first attempt
//	claim             in a plan that waits for its tenants: before a pending task is claimed, until
//	                  its worker has it. LockFree takes it, for tenants that nobody else needs
//	addition          for a task that is added to a running plan, until its first attempt, which
//	                  locks its tenant by LockRun
//	intent + version  for a retry or a rollback that was decided from that version of the task
//	run + token       a later attempt or an undo, for as long as its worker has the task
//
// # Who needs a lock
//
// The plan and the task that the lock names decide, as the store has them:
//
//	the plan is removed or over                           stale
//	the start has another token than the plan             stale
//	the start is under way                                in the way; it may be given up
//	the start has begun to skip tasks                     as if it had succeeded
//	the start shows no sign of life for its TTL           its mark is removed, then stale; if the
//	                                                      plan skips tenants: in the way, until an
//	                                                      engine has finished the start
//	an addition                                           as a start
//	the task is pending in a plan that waits for tenants  stale, unless the lock is of a claim of
//	                                                      the last seconds: then in the way
//	the task has another tenant than the lock             stale
//	the task has a worker, or a state that keeps it       held
//	otherwise                                             stale
//
// # Invariants
//
//   - A stale lock stays stale as long as it has exactly the value that was read before the plan
//     and the task were read. Whatever could make it needed again is either prevented first (the
//     mark of a start is removed), or changes the value (a command takes the lock before it is
//     committed, a worker before it calls the executor).
//   - A task runs only under a lock that it had when its token was given; otherwise LockRun returns
//     [ErrOldToken]. So the tokens of the tasks that work on a tenant, one after the other, grow.
//   - If two starts need the same tenants, the one with the smaller plan id waits and the other
//     gives way, so the two never wait for each other.
//   - A plan for which a lock may have been taken is on the agenda until a Cleaner has walked over
//     all its tenants, and once more after [Lateness].
//
// # Failures
//
//	a process dies in a start    the mark expires; any engine removes it, and the cleaner
//	                             releases the locks
//	a process dies in a start    engines finish it: under another token before the first task is
//	of a plan that skips         skipped, after that under the same, from what is locked
//	a process dies after it has  the lock is stale for other plans; searches of the same plan
//	locked a tenant for a claim  take it over when they find it a second time
//	a process dies in an         the mark expires; engines release its locks, which they find by
//	addition of tenants          the tenants that it has stored, and then remove the mark. The
//	                             cleaner walks over them as over those of the tasks
//	an addition is only slow     if it was given up, it is not completed, takes over no lock of
//	                             another addition, and releases what it has locked late
//	a start is only slow         if its mark was removed, the commit that starts the plan is
//	                             refused; if it had succeeded, it keeps its locks
//	a command is not carried out ReleaseStale; if its process died, the reminder that it wrote
//	                             first makes the plan due, and the cleaner releases the lock
//	a command is delayed         the task is read again before its lock is replaced; if it has
//	                             changed: store.ErrConflict
//	a release is lost            the lock is stale: taken over, or left to the cleaner
//	a release arrives late       the lock has another value by then: nothing happens
//	a request arrives after its  the plan is kept for Lateness after it is over, so that the
//	plan came to rest            lock can still be judged and released
//	two processes take over one  one changes the exact value; the other tries again, ten times
//	lock                         at most
package tenantlock
