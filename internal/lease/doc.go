// Package lease keeps the lease under which this process holds tasks, and compares what this
// process holds according to the store with what it runs.
//
// A process has one [Lease] at a time, with a name that is never used again: an incarnation. A
// [Keeper] acquires the lease, renews it and releases it. A [Registry] lists the runs of this
// process, which the keeper knows only as [Run]: a heartbeat passes stops on to them, or marks them
// lost.
//
// # The trust window
//
// Two clocks measure the TTL: the store's clock from the moment when the store carries out a
// renewal, and this process's monotonic clock from before the process sends that renewal. So the
// process stops trusting its lease before the store does, however slow the call was:
//
//	process   sent ├──────────────── until = sent + TTL ────────────────┤
//	               │  on its way                                        │ writes nothing any more
//	store          └────► renewed ├──────────────────── TTL ────────────┼──────┤ gives tasks away
//	                                                                    └──────┘ nobody writes
//
//	trusted  :=  now < sent + TTL            (process, last renewal that was answered)
//	valid    :=  now < renewed + TTL         (store)
//	sent <= renewed, so trusted implies valid
//
// A renewal is sent a third of the TTL after the previous one, so that two renewals can be lost.
// The store decides which process holds a task; the window only spares the store writes that it
// would have to refuse. A process that was frozen finds the window closed when it wakes up. It then
// ends the contexts of all runs, and acquires a lease with a new name.
//
// # States
//
//	none ── Join ──► current ── heartbeat ──► current
//	  ▲                 │ expired, or the window closed ──► over: OnLost, runs end
//	  │                 │ the process shuts down       ──► left: the name holds no tasks
//	  └─────────────────┘
//
// # Invariants
//
//   - A lease that is over is never renewed: an answer that comes after the window has closed does
//     not renew it, because runs may have been marked lost.
//   - A heartbeat marks a run lost only if it was sent after the run began. Registry.Add reads the
//     time of that beginning under the mutex that also guards the list of plans to ask about.
//   - A claim is either run or revoked, never both: Registry.Add refuses a claim that is revoked,
//     and revoke refuses a claim that is run.
//   - Heartbeats ask about every plan in which this process may hold tasks: the plans of its runs
//     and of untracked claims, and for two TTLs the plans for which an answer was lost.
//
// # Failures
//
//	an answer to a claim is lost        the plan is uncertain; a heartbeat finds tasks that this
//	                                    process does not run and, after a quarter of the TTL, yields
//	                                    them
//	that answer arrives late            the claim was revoked: it is not run
//	a report of the load fails          nothing; the next heartbeat is followed by another
//	an answer to a heartbeat is lost    sent again each tenth of the TTL; its plans are uncertain
//	the store is unreachable            runs go on until the window closes
//	the store forgets the lease         the next heartbeat is refused; runs end, and the
//	                                    keeper acquires a new lease
//	a plan cannot be read               the lease is renewed nevertheless; the plan's runs go on
//	executors do not return             the lease is not released: they keep their tasks until it
//	                                    expires
package lease
