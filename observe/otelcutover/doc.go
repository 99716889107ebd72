// Package otelcutover observes cutover with OpenTelemetry: a trace that runs from the command that
// creates a plan to what its executors call, over crashes and processes, and metrics of bounded
// size.
//
//	tel, err := otelcutover.New(otelcutover.Config{TracerProvider: tp, MeterProvider: mp})
//	hooks := hook.Join(hook.Zap(logger), tel.Hooks())
//	engine, err := cutover.New(store, cutover.Config{Hooks: hooks})
//	rollout, err := redisack.New(rdb, redisack.Config{Hooks: tel.Redisack()})
//	service, err := renewal.New(rdb, renewal.Config{Hooks: tel.Renewal()})
//
// # Traces
//
// A command is a span, a child of the span in the context of the call. The one that creates a plan
// leaves its context in the plan's annotations, where every process finds it: an execution and an
// undo is a span, too, with the executor's context carrying it. The executions of a plan with up to
// Config.OneTrace tasks are children of the command that created it. A larger plan has a trace of
// its own for each task, whose id follows from the plan's trace and the task: an attempt after a
// crash, in whichever process, and the undo a week later are in the same trace, and each is linked
// to the command that created the plan.
//
// If that command was not sampled, its plan has no further spans. Of a plan with a trace for each
// task, Config.TaskShare says how many are recorded; executions that fail always are.
//
// # Metrics
//
// No attribute of a metric has a tenant, a plan or another value without bounds: after 32 executor
// types and 64 error codes the rest is "_OTHER".
//
// docs/observability.md lists every span, attribute and instrument, and says how to set the SDK up
// so that a burst of executions is not lost.
package otelcutover
