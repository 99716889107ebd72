// Package renewal keeps Redis keys alive for as long as the host needs them: locks, leases,
// configuration that must not expire. One process renews a million keys with a few percent of a
// core, and reports the loss of a lease as soon as it is detected.
//
// The host creates a [Service], runs it, and registers tasks:
//
//	service, err := renewal.New(rdb, renewal.Config{})
//	go service.Run(ctx)
//	<-service.Started()
//	task := renewal.Task{Keys: []string{"lock:deploy"}, Owner: token, Policy: policy}
//	handle, err := service.Register(task)
//	work(handle.Context()) // ends when the lock is lost
//	err = handle.CancelAndWait(ctx)
//
// [Service.Acquire] acquires a lock of one key with a random token, keeps it alive in the same way,
// and releases it.
//
// # Model
//
// A [Task] is a set of keys under a [Policy]. Its ticks come at a fixed rate. A due tick first
// evaluates the stop rules; if one holds, the outcome is [Skipped] and the task ends. Otherwise
// every key is refreshed and gets its own [Outcome]: [Renewed], [Lost] (missing, or held by another
// token) or [Failed] (Redis did not answer, or refused: retried while time remains). A failing key
// never delays another key.
//
// # Parts
//
//	clock          one goroutine; turns the timing wheel (internal/wheel), fires the tasks
//	               that are due; does no I/O and calls no host function
//	task           state of the keys and of the next tick, under the task's mutex
//	policy call    calls the functions and selectors of a policy before a refresh, and the
//	               callbacks after it, on a bounded number of goroutines (internal/hostcall)
//	node queues    the keys that are due, one queue per node of Redis (internal/nodequeue)
//	backend        refreshes a batch with one pipeline (internal/redisbackend)
//	meter          figures, hooks and log
//
// # State model of a key
//
//	from                     event                               to
//	(new)                    Register, or found by a selector    idle
//	idle, retrying           tick, RenewNow                      queued
//	retrying                 the wait after a failure is over    queued, before ticks
//	queued                   RenewNow                            queued, before all others
//	queued                   a worker takes a batch              sending
//	queued                   its node cannot be found            retrying
//	sending                  renewed                             idle
//	sending                  failed                              retrying
//	sending                  another node serves the key         queued, for that node
//	sending                  its deadline passes                 dropped
//	sending                  missing, or another owner's         gone
//	dropped                  the call ends                       gone
//	idle, queued, retrying   its deadline passes, or it is no    gone
//	                         longer selected
//
// Each task has one timer, set to the earliest of its next tick, the retries of its keys and their
// local deadlines. The timer is set again when it fires and when it has to fire earlier, for
// instance after a failure. A renewal usually leaves the timer unchanged, because a timer that
// fires early finds nothing to do.
//
// The next tick is due one interval after the last was due. The maximum wait of a failed key is a
// quarter of the interval; it doubles with each further failure, up to a quarter of the time left
// or one interval, whichever is shorter. The key waits for a random part of the maximum. Retries go
// ahead of ticks in the queue.
//
// Who decides that a key is lost? Redis, if it answers. If Redis does not answer, the local
// deadline decides:
//
//	deadline = when the last successful refresh was sent + TTL - max(TTL/50, 10 ms)
//
// After this deadline the key may have expired, so it counts as lost even if Redis still answers,
// and the context of the task ends.
//
// # Invariants
//
//   - timer <= min(next tick, deadline and retry of every live key), rounded up to a clock tick.
//   - A key is in at most one call at a time, so a task never overlaps itself. It may be in a queue
//     twice (RenewNow); a worker refreshes the key for the first item that it takes, and ignores
//     the other.
//   - What is decided stays decided: an answer that comes after the end of a task, or after
//     the deadline of a key, changes nothing.
//   - A renewal with a token compares and sets the TTL in one step on the server.
//   - OnFinished is called once per task, after all its other callbacks, unless Config.Grace runs
//     out at the end of the service.
//   - No mutex is held during a call of a host function or of Redis. The mutex of a task is locked
//     before those of the registry, the wheel and the queues, never after.
//
// # Failures
//
//	Redis hangs or refuses connections    keys fail and are retried; at the local deadline
//	                                      they are lost, on time, without an answer
//	one node of a cluster hangs           only keys that need it wait: each node, and each
//	                                      redirection from one to another, has its own queue
//	an answer is lost                     the refresh is repeated, which does no harm
//	Redis has lost the key, or another    lost at the next tick; a foreign key is not touched
//	owner has it
//	the process stands still              missed ticks are merged into one; keys past their deadline
//	                                      are lost before anything is sent
//	the machine sleeps, the wall clock    a leap ahead renews every key at once; a leap back
//	is set                                is ignored
//	a node falls behind                   keys with the least time left go first, in larger
//	                                      batches; OnLag is called
//	a host function panics                recovered and logged; a policy's tick fails
//	a host function hangs                 only its task waits; after Config.UserBudget the call no
//	                                      longer counts towards Config.UserGoroutines
//	the host stops the service            renewals under way may finish within Config.Grace; every
//	                                      task ends with ReasonShutdown, its keys keep their
//	                                      remaining TTL
//
// # Errors
//
//	situation                                             match
//	a task or a configuration is faulty                   ErrInvalid, *InvalidError (every fault)
//	the id is taken                                       ErrDuplicateID
//	the service has reached Config.MaxTasks               ErrTooManyTasks
//	Acquire, RenewNow without Run                         ErrNotRunning
//	Register, Run after the end                           ErrStopped
//	no task has this id; Register did not make the handle ErrUnknownTask
//	the lock has a holder                                 ErrHeld, *HeldError (time left)
//	the server may drop locks to make room                ErrEviction, *EvictionError
//	the Redis user has too few permissions                ErrNotPermitted, *PermissionError
//	                                                      (commands, keys)
//	a key is lost                                         ErrLost, *LostError (key), with one of
//	                                                      ErrMissing, ErrForeignOwner, ErrDeadline
//	the task has ended                                    ErrEnded, *EndedError (reason)
//	a host function panicked                              *PanicError
//	a host function took too long                         ErrBudget
//	a task's own function or callback waits for the task  ErrInCallback
//	host functions still run when Run returns             ErrUnfinished
//
// The package imports only small internal packages of this module, and can be used alone.
package renewal
