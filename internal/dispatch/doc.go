// Package dispatch finds out what there is to do: it has due plans reconciled, and claims tasks of
// those that are ready, as far as this process has capacity.
//
// A [Dispatcher] asks the store for due plans, when a hint says so and otherwise every
// PollInterval, with jitter. Each gets a pass of its own: one reconciliation, after which it is
// rescheduled. What a plan has ready to claim goes to the capacity.Queue, which says whose turn it
// is; the claims are made beside the passes, so that neither waits for the other.
//
// # Invariants
//
//   - At most one pass per plan is under way in this process. A plan that becomes due anew
//     meanwhile gets another one after it, with the newest stamp.
//   - Nobody waits for a pass longer than a moment: a slow one is left alone and its plan put off,
//     so that plans which cannot be reached hide no others.
//   - A claim is made under a lease that is alive, with capacity that was taken for it before.
//     Capacity for which no task was found goes back.
//   - When Run returns no pass and no new claim begins any more. The workers go on.
package dispatch
