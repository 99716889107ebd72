// Package hook defines the functions with which a host observes an engine: for logs, metrics and
// traces.
//
// [Hooks] is a struct of optional functions. An engine calls them on its hot paths and from several
// goroutines at once, so they must return quickly. They cannot change what the engine does, except
// that OnCreate adds to the annotations of a plan. A panic in a hook is recovered and logged with
// its stack.
//
// [Zap] and [Slog] return hooks that log, and [Join] combines several observers:
//
//	cutover.Config{Hooks: hook.Join(hook.Zap(logger), metrics)}
package hook
