// Package renewal keeps Redis keys alive for as long as the business behind them
// runs: locks, leases, configuration that must not expire. One process holds a
// million of them on a few percent of a core, and a lease that is lost is known at
// once.
//
// The host makes a [Service], runs it, and registers tasks:
//
//	service, err := renewal.New(rdb, renewal.Config{})
//	go service.Run(ctx)
//	<-service.Started()
//	handle, err := service.Register(renewal.Task{Keys: []string{"lock:deploy"}, Owner: token, Policy: policy})
//	work(handle.Context()) // ends when the lock is lost
//	err = handle.CancelAndWait(ctx)
//
// [Service.Acquire] does the same for a lock of one key, token and release included.
//
// # Model
//
// A [Task] is a set of keys under a [Policy]. Its ticks come at a fixed rate. A due
// tick first asks the stop rules; if one holds, the outcome is [Skipped] and the task
// ends. Otherwise every key is refreshed and gets its own [Outcome]: [Renewed],
// [Lost] (missing, or held by another token) or [Failed] (Redis could not be asked:
// tried again while time remains). One key's trouble never delays another key.
//
// Who decides that a key is lost? Redis, if it answers. If it does not, the local
// deadline does: the moment at which the last refresh known to have succeeded was
// sent, plus the TTL, minus a margin. Past it the key may have expired, so it counts
// as lost whatever Redis would say, and the context of the task ends.
//
// # How it works
//
// One goroutine turns a timing wheel. It does no I/O and calls no code of the host;
// it moves due keys into the queue of the Redis node that holds them. Workers take
// batches from the queue and refresh each with one pipeline. Functions of the host
// (policies, selectors, callbacks) run on goroutines of their own, guarded against
// panic and bounded in time.
//
// # Errors
//
//	situation                                             match
//	a task or a configuration is faulty                   ErrInvalid, *InvalidError (every fault)
//	the id is taken                                       ErrDuplicateID
//	the service holds Config.MaxTasks                     ErrTooManyTasks
//	Acquire, RenewNow without Run                         ErrNotRunning
//	Register, Run after the end                           ErrStopped
//	no task has this id; a handle that is not Register's  ErrUnknownTask
//	the lock has a holder                                 ErrHeld, *HeldError (time left)
//	the server may drop locks to make room                ErrEviction, *EvictionError
//	the Redis user has too few permissions                ErrNotPermitted, *PermissionError (commands)
//	a key is lost                                         ErrLost, *LostError (key), with one of
//	                                                      ErrMissing, ErrForeignOwner, ErrDeadline
//	the task has ended                                    ErrEnded, *EndedError (reason)
//	a function of the host panicked                       *PanicError
//	a function of the host took too long                  ErrBudget
//	waiting for a task inside a function of its own       ErrInCallback
//	Run left functions of the host behind                 ErrUnfinished
//
// The package imports nothing of this module but small internal ones, and can be used alone.
package renewal
