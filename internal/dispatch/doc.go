// Package dispatch makes the reconciler handle due plans, and claims tasks of plans that are ready,
// as far as this process has capacity.
//
// A [Dispatcher] asks the store for due plans every PollInterval, with jitter, and when a hint
// arrives. Each due plan gets a pass: one reconciliation, after which the plan is rescheduled. If
// the plan then has tasks to claim, the capacity.Queue decides when the plan gets its turn. Claims
// are made concurrently with passes, so that neither waits for the other.
//
// # Invariants
//
//   - At most one pass per plan is under way in this process. If the plan becomes due again during
//     the pass, another pass follows, with the newest stamp.
//   - The dispatcher waits for a pass only for a moment. A slower pass goes on in the background
//     and its plan is put off, so that plans that cannot be reached do not starve the others.
//   - A claim is made under a lease that is alive, with capacity that was taken for the claim.
//     Capacity for which no task was claimed is released.
//   - After Run has returned, no pass and no claim begins. The workers go on.
//
// # Foreign plans
//
// A plan that owes nothing and has tasks to claim is due until they are claimed. If this process
// does not have its executor, the plan is left alone for a quarter of the lease, unless its stamp
// changes. It keeps its place on the agenda, for the processes that have the executor.
//
// # Alarms
//
// A plan may become due without a command: a task's wait is over, or a bake. The agenda knows it,
// but is polled only now and then. So each process also sets a timer for every plan of which a
// commit or a pass told it the time; when the timer fires, the plan is reconciled soon.
package dispatch
