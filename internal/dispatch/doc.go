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
// # Searches
//
// Which pending tasks a claim gets, the store chooses by itself, in the order of their ordinals. In
// a plan that waits for its tenants, or has quotas, the dispatcher names them in the claim, because
// only some of them may begin. It goes round the pending tasks step by step. A step takes for each
// task what it needs, a free tenant first and then a place in each of its quotas, and what the
// claim did not get is given back at once.
//
//	a step found tasks             the next claim goes on behind the last of them
//	it found none, in mid-round    10 ms later
//	a whole round found none       after a rest, from 50 ms, doubling, to 2 s
//
// Tasks that are bound by the same quotas are a group. Where no group has room, a step goes round
// no tasks at all. A search is a process's own and may be lost at any time: it begins anew.
//
// # Alarms
//
// A plan may become due without a command: a task's wait is over, or a bake. The agenda knows it,
// but is polled only now and then. So each process also sets a timer for every plan of which a
// commit or a pass told it the time; when the timer fires, the plan is reconciled soon.
package dispatch
