// Package cutover moves many tenants from one environment to another, safely.
//
// A host service makes an [Engine] over a store, registers its executors, creates
// a plan over a list of tenants and starts it. The engine makes one task per
// tenant and drives each through the plan's executor, keeping a durable checkpoint
// between steps, so that any task can be paused, resumed, retried from where it
// failed, rolled back, or taken over by another process after a crash.
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
// # Glossary
//
//   - Plan: a rollout over a list of tenants under one strategy.
//   - Task: the work on one tenant of a plan.
//   - Checkpoint: what an executor saved last; the next attempt, or the next process, goes on
//     from it.
//   - Boundary: the moment of a save. A pause, a cancel or a shutdown takes effect there.
//   - Claim: a worker's hold on a task, with a fencing token that grows from claim to claim.
//   - Grant: what a plan allows its workers to claim, decided once and stored on the plan.
//   - Breach: more tasks failed than the strategy tolerates. It closes the grant in the same
//     write that counts the failure.
//   - Acknowledge: to accept the failures that there are, which a resume does. Only further
//     ones count against the tolerance.
//   - Incarnation: one run of one process, under a name that is never used again. It holds
//     claims as long as its lease lasts.
//   - At rest: nothing of the plan is left to do until a person gives a command.
//
// # Who decides
//
// The packages plan and task decide, as pure functions. The engine reads, lets
// them decide, and commits with compare-and-set; the loser of a race reads again.
// There is no leader: any number of processes share a store, each claims up to its
// own capacity, and any of them carries on what another left behind.
//
// # Commands
//
// A command answers with the plan or task as it now is. If it found what it asks
// for, Unchanged is set; if it does not apply, the error is a *plan.StateError with the
// state found. [By] and [Because] say on its events who gave it, and why.
//
// # What a worker is told
//
// A pause or cancel is one write to the plan. A task in flight learns of it when
// it next saves, in the same atomic step. It keeps its claim until its executor
// has returned, and only then is PAUSED or CANCELLED.
//
// # When a process dies
//
// Each process keeps a lease in the store. When it is not renewed, other processes
// take over its tasks from their checkpoints, with new fencing tokens: whatever the
// old process still writes is refused. Effects that an executor has outside may
// happen twice, between an effect and the save that follows it; the token, the
// attempt and the idempotency key of a Run are there to make that safe.
//
// # Errors
//
//	Create: a spec with faults                     plan.ErrInvalid
//	Create: nobody here knows the executor type    ErrUnknownExecutor
//	Create: the key was used for other content     store.ErrKeyReused
//	Start: other plans work on its tenants         store.ErrTenantHeld
//	any command: it does not apply                 plan.ErrNotApplicable
//	anything: no such plan or task                 store.ErrNotFound
//	Watch: events that are gone                    store.ErrTrimmed
//	Watch: the store went back in time             store.ErrEventsAhead
//	New: a configuration with faults               ErrInvalid
//	Run: called twice                              ErrRunning
package cutover
