// Package capacity shares out the capacity of a process among plans. The capacity is the number of
// tasks that the process may work on at the same time.
//
// A [Queue] knows two things about a plan: whether this process may find tasks to claim in it
// (SetReady), and whether it has to be reconciled before it is due (Enqueue). [Queue.Next] takes
// capacity for a claim of the plan that was served least recently. [Queue.ClaimDone] ends the
// claim, and [Queue.Release] releases capacity, for any number of tasks.
//
// # Invariants
//
//   - taken is never above the capacity and never below 0: each unit that Next has taken is
//     released once.
//   - A plan has at most one claim under way, so that slow claims of one plan do not take the
//     capacity that others need.
//   - A plan that is ready is served after at most one claim of each other plan: a large plan does
//     not starve a small one.
//
// The capacity of a process is not the MaxConcurrency of a plan, which the store enforces at each
// claim.
package capacity
