// Package lease keeps the lease under which this process holds tasks, and compares what the store
// says that it holds with what it runs.
//
// A process has one [Lease] at a time, with a name that is never used again: an incarnation. A
// [Keeper] takes it, renews it and gives it back. A [Registry] knows the runs, which the keeper
// meets as [Run] only: a heartbeat passes stops on to them, or marks them lost.
//
// # The trust window
//
// Two clocks count the same time: the store's, from when it carries a renewal out, and this
// process's monotonic one, from before it sent that renewal. So this process stops trusting its
// lease before the store does, whatever was slow in between:
//
//	process   sent ├──────────────── until = sent + TTL ────────────────┤
//	               │  on its way                                        │ writes nothing any more
//	store          └────► renewed ├──────────────────── TTL ────────────┼──────┤ gives them away
//	                                                                    └──────┘ nobody writes
//
//	trusted  :=  now < sent + TTL            (process, last renewal that was answered)
//	valid    :=  now < renewed + TTL         (store)
//	sent <= renewed, so trusted implies valid
//
// The next renewal is sent a third of the TTL after the last was sent, so that two can be lost. The
// store decides who holds a task; the window only saves it from having to refuse. A process that
// was frozen finds the window closed when it wakes up. It ends the contexts of all runs, and takes
// a lease with a new name.
//
// # States
//
//	none ── Join ──► current ── heartbeat ──► current
//	  ▲                 │ expired, or the window closed ──► over: OnLost, runs end
//	  │                 │ the process shuts down       ──► left: its name is free of tasks
//	  └─────────────────┘
//
// # Invariants
//
//   - A lease that is over is never renewed: an answer that comes after the window has closed
//     counts as expired, because runs may have been marked lost.
//   - A run is marked lost only by a heartbeat that was sent after it began. Registry.Add takes
//     that time under the same lock as the list of plans to ask about.
//   - A claim is either run or revoked, never both: Registry.Add refuses what revoke has given up,
//     and revoke what is run.
//   - What this process holds is asked about: plans of its runs, of untracked claims, and for two
//     TTLs those in which an answer was lost.
//
// # Failures
//
//	an answer to a claim is lost        the plan is uncertain; a heartbeat finds tasks that nobody
//	                                    runs and, after a quarter of the TTL, yields them
//	that answer comes late after all    the claim was revoked: nobody runs it
//	an answer to a heartbeat is lost    sent again each tenth of the TTL; its plans are uncertain
//	the store is away                   runs go on until the window closes
//	the store forgets the lease         the next heartbeat is refused; runs end, a new one is taken
//	a plan cannot be read               the lease is renewed all the same; its runs go on
//	executors do not return             the lease is not given back: their tasks stay theirs until
//	                                    it runs out
package lease
