// Package capacity shares out what a process can work on: a fixed number of tasks at once, over all
// plans.
//
// A [Queue] knows two things of a plan: whether it has tasks to claim, as far as this process knows
// (SetReady), and whether it is to be looked at before the agenda brings it up (Enqueue).
// [Queue.Next] takes capacity for a claim of the plan that was served least recently; the claim
// ends with [Queue.ClaimDone], and what was taken comes back with [Queue.Release], task by task.
//
// # Invariants
//
//   - taken is never above the capacity and never below 0: each unit that Next has taken is
//     released once.
//   - A plan has at most one claim under way, so that a slow answer does not take what others need.
//   - A plan that is ready is served after at most one claim of each other plan: a large plan does
//     not starve a small one.
//
// The capacity of a process is not a plan's MaxConcurrency: that is the store's part, with each
// claim.
package capacity
