// Package executortest provides a [Run] in memory, for unit tests of executors without an engine.
//
//	run := executortest.NewRun(t, executortest.Tenant("acme"))
//	if err := run.Execute(myExecutor); err != nil { ... }
//	run.Saved() // every checkpoint, in order
//
// A run can be interrupted at any of its writes, and continued from what was saved by then, as
// another process would continue it:
//
//	run := executortest.NewRun(t, executortest.CrashBefore(2))
//	err := run.Execute(myExecutor)         // ErrCrashed
//	err = run.Again().Execute(myExecutor)  // continues from the first write
//
// A run that asks with [executor.ResumeAfter] to be continued later is continued in the same way,
// and its wait is over: [Run.Finish] does all of it, and [Run.Waits] tells the waits.
// [Run.Verify] is for executors that verify their work.
//
// [Interruptions] interrupts a run at every write, in every way. An executor that passes tolerates
// pauses and crashes wherever they come.
//
// The package imports executor and what executor imports. It is for tests only.
package executortest
