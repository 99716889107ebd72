// Package store defines the persistence contract of cutover: what a [Store] guarantees, and which
// errors it returns.
//
// The packages plan, task and checkpoint decide; the store remembers. The contract is written so
// that on Redis every commit is one script call on one node. The package storetest has a test for
// every promise: a store of your own has to pass these tests, and package enginetest runs engines
// over it. Package rules has what a commit and a command do, for a store that is written in Go.
// Minor releases add methods to [Store], so implementers outside this module should expect to
// follow.
//
// # Promises
//
//  1. A commit applies each of its changes completely or not at all, with the
//     checkpoint, undo entry, failure, counters and event that belong to it, and
//     reports the result of each. If one change is refused, the others are still
//     applied. A stale version is refused with [ErrConflict], a stale token with
//     [ErrFenced].
//  2. A change that is sent again, because its answer was lost, succeeds without
//     effect: a task remembers the token and number of its worker's last change, a
//     plan its last [KeptCommands] command ids.
//  3. The commit that raises the number of failed tasks, of the plan or of the task's wave,
//     above its bound closes the grant in the same step: from then on no pending task is claimed.
//  4. A claim assigns tasks of one plan, under that plan's grant and in one step, each with a new
//     token that is greater than the task's earlier tokens. A claim that is sent again under the
//     same id returns the same tasks.
//  5. A lease that has expired never becomes valid again. Every answer to a heartbeat
//     names all tasks that the incarnation holds in the plans it asked about.
//  6. A tenant lock is replaced or released only if it has exactly the expected value.
//  7. A plan under creation is invisible until one step makes all of it visible. Its
//     creator may send every call again; no other caller can continue the creation.
//  8. Every plan that needs an engine gets onto the agenda, even if the process that should have
//     put it there died; in that case it may take longer.
//  9. The events of a plan are numbered without gaps, and an event is written in the same step as
//     the change that it records. Reading from before the oldest event kept returns [ErrTrimmed],
//     from beyond the newest [ErrEventsAhead]. Only task events are ever dropped: the events of the
//     plan itself can be read separately, from its creation on, as long as the plan exists.
//  10. Nothing that is returned grows with the size of a plan: queries are paged.
//  11. Errors can be distinguished with errors.Is; [Temporary] reports whether an error may
//     pass by itself.
//  12. Several callers may make any call at the same time. If they make the same call, all
//     get the same answer; if their calls exclude each other, exactly one succeeds.
//  13. Whatever the store's clock does, and whichever of its servers takes over: after
//     a command or change with RaiseTokens the plan's new tokens are greater than all tokens
//     assigned earlier in any plan. So the tokens of the workers that work on a tenant, one after
//     the other under its lock, increase.
//  14. A task that its worker defers keeps its slot, and no worker, until its wait is over by the
//     store's clock; then it is claimed before all others. A stop in force takes effect in the
//     step that would defer the task. An edit of a waiting task takes its slot away; if the task
//     is or comes back in flight before its wait is over, a claim gives it a slot for the rest of
//     the wait.
//  15. Each change of a task counts in the task's wave in the same step. Outside of the times of
//     the grant, and beyond the open wave, no pending task is claimed; what is in flight goes on.
//     A store that does not enforce waves or windows refuses the plans that have them.
//  16. Tenants that are added to a plan become tasks in one step, all of them or none. Before that
//     step nobody sees or claims them; those of an addition that was given up are dropped.
//  17. A plan's sweeps are read as commands wrote them, filters and all, and the Filter of an event
//     as well. A query for tasks looks at no task after its Until.
//  18. Nothing begins in a plan that is stopped unless it was asked for by name. A task with a
//     StartRequest, which no worker has had since the command that woke it, is claimed only while
//     its plan runs and is not breached; the claim, and a wait that the claim lets it take its slot
//     for, clear the request. A task with an ExemptRequest is claimed in a failed and in a paused
//     plan, too, and the pause of the plan does not stop it: plan.Control.Claims and StopFor.
//  19. A plan that is put on the agenda is unread for every subscription, from the same step on
//     and until its reader marks it as read, having seen it on the agenda for the last time. So a
//     reader who marks a plan only at the end of its log, and at rest, overlooks no event. The
//     newest MaxDeadLetters dead letters of a subscription are kept until they are dropped.
//  20. Whoever has a lease is listed as a worker, with what it told when it joined and reported
//     last, from Join on and until the lease ends or is over. Nothing else depends on that list.
//  21. Of the places of a quota never more are taken than the largest Max with which one was asked
//     for, whichever plans ask. A place is replaced or freed only if it has exactly the expected
//     value.
//
// # Waves
//
// A plan may be divided into waves. Create.Plan.Waves has their last ordinals, and every Command
// has all waves in its Control; a store changes nothing in them. What it keeps of each wave, in the
// same step as the counters, are the plan's Facts:
//
//   - WaveCounters, from FinishCreate on. Every change of a task's state, by a commit, a claim or
//     an edit, counts in the wave of its ordinal, whether that wave is open, over or not open yet:
//     plan.WaveCounters.Move.
//     They stay as they are from the command on whose state cancels the pending tasks
//     (plan.State.CancelsPending); the edits of that command still count.
//   - WaveEndedAt. A command that raises Control.Wave clears it. A step after which
//     plan.Plan.WaveLeft reports tasks of the open wave, or no wave of the plan is open, clears it
//     too; any other step sets it to the store's time if it is zero then: plan.Plan.TrackWaveEnd.
//     In a plan without waves all tasks are the open wave.
//
// What it judges: a step that makes a task of a RUNNING plan FAILED breaches the plan if, after it,
// plan.Plan.Exceeds reports true for the task's ordinal and failure. So more tasks of the plan are
// failed than Grant.MaxFailed, more of the task's wave than the MaxFailed of that wave, which need
// not be the open one, or as many of the task's failure group as Grant.MaxSameFailures. The edits
// of a command are judged by the Control of the command.
//
// Whether an event leaves the plan at rest is what plan.Plan.AtRest reports after the step, and
// whether tasks are claimable what plan.Plan.Claimable reports, at the store's time. Both depend on
// plan.Plan.PendingBeyond and GatesPassed, which only commands change.
//
// # Failure groups
//
// The plan's FailureGroups count its FAILED tasks by the error code and the step of their failures,
// as these are stored, in the same step as the counters: plan.FailureGroups.Move. A command whose
// Decision Acknowledges accepts, after its edits, the failures that each group then has.
//
// # Attempts
//
// A task's Attempts are what a change or an edit wrote last: with a change they are written only if
// the task keeps its Failure, and nothing else touches them. A task whose first attempt completes
// has none, and costs nothing.
//
// # Errors
//
//	a call that can never succeed            ErrInvalid (*InvalidError: which argument of a query)
//	no such plan or task                     ErrNotFound
//	a decision about an older version        ErrConflict
//	a worker that lost its task              ErrFenced (*FencedError: the holder)
//	a tenant that another plan works on      ErrTenantHeld (*TenantHeldError: the locks)
//	the idempotency key names another plan   ErrKeyReused
//	the plan of that key is being created    ErrCreating
//	an incarnation whose lease is over       ErrLeaseExpired
//	events that are not kept any more        ErrTrimmed (*TrimmedError: the oldest kept)
//	events beyond the newest                 ErrEventsAhead (*EventsAheadError: the newest)
//	stored data that makes no sense          ErrCorrupt (*CorruptError: key, reason)
//	anything that may pass by itself         Temporary(err)
//
// # Time
//
// A store has one clock, or one per node, and never compares its times with those of a caller's
// clock. Callers pass durations.
package store
