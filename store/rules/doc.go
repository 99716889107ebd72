// Package rules holds what the contract of package store says about commits and commands, for
// authors of stores: which change is applied, what it does to the task, the counters, the waves,
// the failure groups and the log, and which tasks a claim is assigned. A store loads rows, calls a
// step, and writes what changed, in one transaction.
//
// Only stores import it. It shares their version: the types may change with every minor release.
//
// # A step
//
// [Commit] and [Apply] change a [Plan] and its [Task] values in place, and ask the store for rows
// through [Rows]. They do no I/O and read no clock: the store passes a [Moment], and the [Outcome]
// says what is left to do. What they changed is
//
//   - of the plan: Facts and Marks; a command changes the Control, Version, TaskCount and Commands,
//     too. LastEvent numbers the events, from what it was before the step on;
//   - the tasks of which Rows.Changed was called;
//   - claims: a new one by Rows.Open, and what each holds, by the places of Rows.Changed. A claim
//     without tasks is remembered for a while ([KeptClaims]);
//   - the log: the events of Rows.Log, or those of the command. If Outcome.AtRest is set, the last
//     one is marked.
//
// A change that is refused, or was applied before, changes nothing. A step that fails as a whole,
// as Apply may, has changed nothing either.
//
// Agenda, hints, leases, locks of tenants, cursors and subscriptions are not part of a step.
//
// # Stores that load
//
// Such a store
//
//  1. locks the plan's facts, in a statement of its own, and then reads the plan;
//  2. asks [Needs], or [NeedsOf] for a command, reads those rows, and puts them into a [Loaded];
//  3. calls the step with it, once for each commit of a group, with the same Loaded and Plan;
//  4. writes the plan, and what Loaded.Tasks, Claims and Events return;
//  5. reads what it left out before, and what callers see, of the tasks in Outcome.Claimed:
//     checkpoint, undo log, tenant.
//
// One whose database is in the same process may instead answer each call of Rows with a query.
//
// # Windows
//
// Nobody walks through a plan without bounds. Pending tasks, and those that an undo round has not
// reached, are read as windows: so many from a stored position on. If a window has no answer, the
// step moves that position to the window's end, claims nothing further, and answers Claimable, so
// that the next commit looks further. It does not take the window's end for the plan's: the undo
// round is not exhausted, and lower queues are not served before higher ones.
//
// # Tokens
//
// A new token is greater than the task's last one and than the plan's floor, and at least the time
// in microseconds. RaiseTokens raises the floor to Moment.Newest, which must be at least the
// greatest token of any plan. A store that cannot know that one exactly keeps a limit that is ahead
// of all tokens: it passes the limit, and raises it before it writes if Outcome.Newest is above.
package rules
