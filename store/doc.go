// Package store is the persistence contract of cutover: what a [Store] promises,
// and how it says that it cannot keep a promise.
//
// Plan, task and checkpoint decide; the store remembers. It is written so that on
// Redis every commit is one script call on one node. The package storetest has a
// test for every promise; a store of your own is one that passes it. Methods are
// added to [Store] in minor releases, so implementers outside this module should
// expect to follow.
//
// # Promises
//
//  1. A commit applies each of its changes completely or not at all, with the
//     checkpoint, undo entry, failure, counters and event that belong to it, and
//     answers for each. One change refused does not refuse the others. A stale
//     version is [ErrConflict], a stale token [ErrFenced].
//  2. A change sent again, because its answer was lost, succeeds without effect: a
//     task remembers the token and number of its worker's last change, a plan its
//     last [KeptCommands] command ids.
//  3. The commit that raises the failed tasks above the grant's bound closes the
//     grant in the same step: from then on nothing pending is claimed.
//  4. A claim hands out tasks of one plan under its grant, each with a new token
//     greater than any before, in one step. Sent again under the same id it answers
//     the same tasks.
//  5. A lease that has expired never comes back. Every answer to a heartbeat names
//     all tasks that the incarnation holds in the plans it asked about.
//  6. A tenant lock changes hands only by comparison with its exact value.
//  7. A plan under creation is invisible until one step makes all of it visible. Its
//     creator may send every call again; nobody else goes on with it.
//  8. Every plan that needs an engine is on the agenda, sooner or later also if the
//     process that should have put it there died.
//  9. The events of a plan are numbered without gaps and written with what they
//     tell of; below the oldest kept, and beyond the newest, reading says so ([ErrTrimmed],
//     [ErrEventsAhead]). Only events of tasks are ever dropped: those of the plan itself
//     can be read alone, from its creation on, as long as the plan is there.
//  10. Nothing that is returned grows with the size of a plan: queries are paged.
//  11. Errors can be told apart; [Temporary] says which pass by themselves.
//  12. Every call may be made by several at once: of the same call all are answered as
//     one, and of calls that exclude each other exactly one succeeds.
//  13. Whatever the store's clock does, and whichever server of it takes over: after a
//     command or change with RaiseTokens the plan's tokens are greater than all that
//     were given before in any plan. So the tokens of all who work on a tenant, one
//     after the other under its lock, grow.
//
// # Errors
//
//	a call that can never succeed            ErrInvalid (*InvalidError: which argument of a query)
//	no such plan or task                     ErrNotFound
//	decided on an older version              ErrConflict
//	a worker that lost its task              ErrFenced (*FencedError: the holder)
//	a tenant that another plan works on      ErrTenantHeld (*TenantHeldError: who)
//	the idempotency key names another plan   ErrKeyReused
//	the plan of that key is being created    ErrCreating
//	an incarnation whose lease is over       ErrLeaseExpired
//	events that are not kept any more        ErrTrimmed (*TrimmedError: the first there is)
//	events after a number that was never given   ErrEventsAhead (*EventsAheadError: the newest)
//	stored data that makes no sense          ErrCorrupt (*CorruptError: key, reason)
//	anything that may pass by itself         Temporary(err)
//
// # Time
//
// A store has one clock, or one per node, and never compares its readings with a
// caller's. Callers pass durations.
package store
