// Package hook lets a host observe an engine: for logs, metrics and traces.
//
// [Hooks] is a struct of optional functions. An engine calls them on its hot paths and from several
// goroutines at once, so they must return quickly; they change nothing of what the engine does. A
// panic in one is recovered, logged with its stack, and goes no further.
//
// [Zap] has hooks that log, and [Join] puts several observers side by side:
//
//	cutover.Config{Hooks: hook.Join(hook.Zap(logger), metrics)}
package hook
