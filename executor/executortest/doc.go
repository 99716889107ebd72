// Package executortest gives hosts a [Run] in memory, to unit-test their
// executors without an engine.
//
//	run := executortest.NewRun(t, executortest.Tenant("acme"))
//	if err := run.Execute(myExecutor); err != nil { ... }
//	run.Saved() // every checkpoint, in order
//
// A run can be interrupted at any of its writes, and gone on with from what was
// saved up to there, as another process would:
//
//	run := executortest.NewRun(t, executortest.CrashBefore(2))
//	err := run.Execute(myExecutor)         // ErrCrashed
//	err = run.Again().Execute(myExecutor)  // goes on from the first write
//
// [Interruptions] does that at every write that there is, in every way. An executor
// that passes it bears pauses and crashes wherever they come.
//
// The package imports executor and what that imports. It is for tests only.
package executortest
