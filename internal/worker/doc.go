// Package worker runs executors over claimed tasks and commits what comes of it.
//
// A [Pool] has workers. A worker has the capacity for one task and goes on from task to task of one
// plan: the commit that ends a task claims the next one, in one round trip. It ends, and gives its
// capacity back, when nothing is claimed: no task is left, other plans wait, or the process shuts
// down. Each task is a run: the executor.Recorder that the host's code saves with, and the
// lease.Run that heartbeats meet.
//
// # The life of a run
//
//	claimed ── Registry.Add ──► begun ── LockRun ──► executing ── returned ──► committed
//	   │ revoked, or              │ locked now:          │                        │ claims the
//	   ▼ the lease is over        ▼ ErrOldToken          │ Save, SaveUndo         ▼ next task
//	 dropped                    yielded                  ▼
//	                                                   stop requested, interrupted or lost
//
// Three things can reach a run from outside, and they are kept apart because its outcome depends on
// them:
//
//	stop requested   a save answered that pause, cancel or shutdown is in force. The executor is to
//	                 return; what it returns is no failure
//	interrupted      this process cancelled the executor's context: the grace of a cancel or of the
//	                 shutdown is over. What it returns is no failure either
//	lost             the task belongs to somebody else. Nothing is written any more
//
// # Invariants
//
//   - A run has one change under way at a time, numbered by seq: a commit that is sent again is
//     known again.
//   - Nothing is written under a lease that is over: commit looks at it before each try.
//   - The claim outlives the executor: the task is released by the commit of its outcome, after the
//     executor has returned, never before. So no second worker starts while the first still cleans
//     up.
//   - The batch of a worker belongs to whoever saves while the executor runs, and to the worker's
//     goroutine otherwise; executor.Run lets no save through after the executor has returned.
//   - A worker gives back exactly the capacity for one task, however its executors end.
//
// # Failures
//
//	the executor panics         FAILED with EXECUTOR_PANIC; the stack is logged
//	it ends its goroutine       the outcome is committed by a deferred function, and the worker
//	                            goes on in a new goroutine
//	its error panics when read  counts as a panic of the executor
//	the store is away           the commit is sent again until the lease is over
//	an answer is lost           sent again with the same number and claim id; the plan is
//	                            uncertain, in case the claim was carried out after all
//	a write is refused          lost; a heartbeat is sent soon, to see whether the lease holds
//	the tenant is held          FAILED or ROLLBACK_FAILED with TENANT_HELD
//	the tenant cannot be locked the task is yielded
//	the executor never returns  it keeps its capacity, claim and tenant; Running names it
package worker
