// Package worker runs executors on claimed tasks and commits the outcomes.
//
// A [Pool] has workers. A worker has the capacity for one task and runs tasks of one plan, one
// after the other: the commit that ends a task claims the next one, in the same round trip. The
// worker ends, and releases its capacity, when the commit claims no task, because no task is left,
// other plans wait, or the process shuts down. For each task there is a run. It is both the
// executor.Recorder of the host's code and the lease.Run of the heartbeats.
//
// # The life of a run
//
//	claimed ── Registry.Add ──► begun ── LockRun ──► executing ── returned ──► committed
//	   │ revoked, or              │ locked now:          │                        │ claims the
//	   ▼ the lease is over        ▼ ErrOldToken          │ Save, SaveUndo         ▼ next task
//	 dropped                    yielded                  ▼
//	                                                   stop requested, interrupted or lost
//
// Three things can happen to a run from outside. They are kept apart because the outcome depends on
// them:
//
//	stop requested   a save returned that a pause, cancel or shutdown is in force. The executor
//	                 should return, and an error that it then returns does not count as a failure
//	interrupted      this process canceled the executor's context, because the grace period of a
//	                 cancel or of the shutdown is over. An error does not count as a failure either
//	lost             this process does not hold the task any more. Nothing is written any more
//
// # Invariants
//
//   - A run has at most one change under way, numbered by seq, so that the store recognizes a
//     commit that is sent again.
//   - Nothing is written under a lease that is over: commit checks the lease before each try.
//   - The claim outlives the executor: the commit of the outcome releases the task, and is sent
//     only after the executor has returned. So no second worker starts while the first still
//     cleans up.
//   - While the executor runs, only the goroutine that saves uses the worker's batch; otherwise
//     only the worker's goroutine does. executor.Run refuses every save after the executor has
//     returned.
//   - A worker releases exactly the capacity for one task, however its executors end.
//
// # Failures
//
//	the executor panics         FAILED with EXECUTOR_PANIC; the stack is logged
//	it calls runtime.Goexit     the outcome is committed by a deferred function, and the worker
//	                            goes on in a new goroutine
//	its error panics when read  it counts as a panic in the executor
//	the store is unreachable    the commit is sent again until the lease is over
//	an answer is lost           sent again with the same number and claim id; the plan is
//	                            uncertain, because the claim may have been carried out
//	a write is refused          the task is lost; a heartbeat is sent soon, to see whether
//	                            the lease holds
//	the tenant is held          FAILED or ROLLBACK_FAILED with TENANT_HELD
//	its lock cannot be reached  the task is yielded
//	its lock cannot be read     FAILED or ROLLBACK_FAILED with INTERNAL
//	the executor never returns  it keeps its capacity, claim and tenant; Running names it
package worker
