// Package cutover moves many tenants from one environment to another, safely.
//
// A host service makes an [Engine] over a store, registers its executors, creates a plan over a
// list of tenants and starts it. The engine makes one task per tenant and runs each with the plan's
// executor, which saves a durable checkpoint between its steps. Any task can therefore be paused,
// resumed, retried from where it failed, rolled back, or taken over by another process after a
// crash.
//
//	engine, err := cutover.New(memstore.New(), cutover.Config{
//		Executors: executor.Registry{"BLUE_GREEN_SWITCH": myExecutor},
//	})
//	go engine.Run(ctx)
//	p, err := engine.Create(ctx, plan.Spec{
//		Name:         "blue-green switch",
//		ExecutorType: "BLUE_GREEN_SWITCH",
//		Tenants:      plan.Tenants("tenant1", "tenant2", "tenant3"),
//	})
//	_, err = engine.Start(ctx, p.ID)
//	p, err = engine.Wait(ctx, p.ID)
//
// The tenants of a very large plan can be a sequence: plan.Spec.TenantSeq.
//
// # Glossary
//
//   - Plan: a rollout over a list of tenants under one strategy.
//   - Task: the work on one tenant of a plan.
//   - Checkpoint: what the executor of a task saved last. The next attempt, or the next
//     process, goes on from it.
//   - Boundary: the moment of a save. A pause, a cancel or a shutdown takes effect there.
//   - Claim: a worker's hold on a task, with a fencing token that grows from claim to claim.
//   - Grant: what a plan allows its workers to claim, decided once and stored on the plan.
//   - Slot: one of the tasks that a plan may have under way at once, its concurrency. A task that
//     waits for its next attempt keeps its slot without a worker.
//   - Wave: a part of the tenants that opens after the one before it. It bakes, which is a wait
//     after its last task, and the next one may need an approval: see docs/strategy.md.
//   - Window: a time at which pending tasks may begin.
//   - In flight: a task is in flight while it is running or being rolled back, with a worker or
//     without.
//   - Breach: more tasks failed than the strategy tolerates. The write that counts the failure
//     also closes the grant.
//   - Sweep: a command on many tasks that is under way. One write accepts it, engines carry it out
//     batch by batch.
//   - Acknowledge: to accept the present failures of a plan, as a resume does. The plan may then
//     have as many failures as were acknowledged, or as the strategy tolerates if that is more.
//   - Incarnation: a process under one lease. Its name is never used again, and it holds its
//     claims as long as the lease lasts.
//   - At rest: a plan is at rest if nothing happens to it until somebody gives a command.
//
// # Who decides
//
// The packages plan and task decide, as pure functions. The engine reads a plan, calls them for a
// decision, and commits the decision with compare-and-set; if another process was faster, it reads
// and decides again. There is no leader: any number of processes share a store, each claims tasks
// up to its own capacity, and each takes over what another left unfinished.
//
// # Commands
//
// A command returns the plan or task as it now is. Unchanged is set if the plan or task was already
// as the command asks. If the command does not apply, the error is a *plan.StateError with the
// state found. [By] and [Because] record in the events who gave the command, and why. [IfVersion]
// makes sure that the caller has seen the plan as it is, and [CommandID] that a command whose
// answer was lost can be given again.
//
// [Engine.EnsureStarted] creates a plan and starts it, or finds that it was done, for jobs that may
// be run again.
//
// [Engine.Select] gives a command to all tasks that a filter selects; with [DryRun] it only counts
// them. [Engine.Explain] says why a task does not move, and [Engine.Lookup] finds out where a
// tenant is, which tasks have a label, and which processes work, and on what.
//
// # How a worker learns of a command
//
// A pause or cancel is one write to the plan. The worker of a task in flight learns of it when it
// next saves, in the same atomic step. It keeps its claim until its executor has returned; only
// then does the task become PAUSED or CANCELLED.
//
// # When a process dies
//
// Each process keeps a lease in the store. If a process no longer renews its lease, other processes
// take over its tasks from their checkpoints, with new fencing tokens: whatever the old process
// still writes is refused. Effects of an executor outside the store may happen twice, if the crash
// comes between an effect and the save that follows it. The token, the attempt and the idempotency
// key of a Run are there to make such repetitions safe.
//
// # Errors
//
//	Create: a spec with faults                     plan.ErrInvalid
//	Create: this process lacks the executor type   ErrUnknownExecutor
//	Create: the key was used for other content     store.ErrKeyReused
//	Create: another call with the key is under way store.ErrCreating
//	Start, AddTenants: other plans work on tenants store.ErrTenantHeld
//	Start: another call is starting the plan       ErrStarting
//	EnsureStarted: a spec without a key            plan.ErrInvalid
//	AddTenants, Tune: arguments with faults        plan.ErrInvalid
//	AddTenants: others are being added             ErrAdding
//	any command: the plan has another version      plan.ErrVersion
//	any command: it does not apply                 plan.ErrNotApplicable
//	a rollback: the executor cannot undo           ErrCannotUndo
//	RetryFailed, many tasks: too many under way    plan.ErrSweepsFull
//	many tasks: a filter with faults               plan.ErrInvalid
//	any call: no such plan or task                 store.ErrNotFound
//	Watch: events that are not kept any more       store.ErrTrimmed
//	Watch: the store went back in time             store.ErrEventsAhead
//	New: a configuration with faults               ErrInvalid
//	Ready: this process cannot claim tasks         ErrNoLease
//	Run: called twice                              ErrRunning
package cutover
