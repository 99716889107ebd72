package ops

import (
	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
)

// routes returns all routes.
func routes() []route {
	return []route{
		{pattern: "GET /health", public: true, serve: health},
		{pattern: "GET /ready", public: true, serve: ready},
		{pattern: "GET /me", serve: me},
		{pattern: "GET /openapi.json", serve: describe},
		{pattern: "GET /stream", serve: openStream},

		{pattern: "GET /plans", serve: listPlans},
		{pattern: "POST /plans", command: Create, serve: createPlan},
		{pattern: "POST /plans/pause", command: Pause, serve: pausePlans},
		{pattern: "POST /preview", serve: previewPlan},
		{pattern: "GET /plans/{plan}", serve: getPlan},
		{pattern: "GET /plans/{plan}/export", export: true, serve: exportPlan},
		{pattern: "GET /plans/{plan}/tasks", serve: listTasks},
		{pattern: "GET /plans/{plan}/matrix", serve: getMatrix},
		{pattern: "GET /plans/{plan}/failures", costly: true, serve: listFailures},
		{pattern: "GET /plans/{plan}/events", serve: listEvents(Engine.Events)},
		{pattern: "GET /plans/{plan}/commands", serve: listEvents(Engine.PlanEvents)},

		{pattern: "POST /plans/{plan}/start", command: Start, serve: planCommand(Engine.Start)},
		{pattern: "POST /plans/{plan}/pause", command: Pause, serve: planCommand(Engine.Pause)},
		{pattern: "POST /plans/{plan}/resume", command: Resume, serve: planCommand(Engine.Resume)},
		{pattern: "POST /plans/{plan}/cancel", command: Cancel, serve: planCommand(Engine.Cancel)},
		{pattern: "POST /plans/{plan}/rollback", command: Rollback, serve: planCommand(Engine.Rollback)},
		{pattern: "POST /plans/{plan}/retry", command: Retry, serve: onPlan(retryPlan)},
		{pattern: "POST /plans/{plan}/tune", command: Tune, serve: onPlan(tunePlan)},
		{pattern: "POST /plans/{plan}/note", command: Note, serve: planCommand(Engine.Note)},
		{pattern: "POST /plans/{plan}/delete", command: Delete, serve: deletePlan},
		{pattern: "POST /plans/{plan}/tenants/add", command: Add, serve: onPlan(addTenants)},
		{pattern: "POST /plans/{plan}/tenants/exclude", command: Skip, serve: excludeTenants},
		{pattern: "POST /plans/{plan}/waves/{wave}/approve", command: Approve, serve: onPlan(approveWave)},
		{pattern: "POST /plans/{plan}/waves/{wave}/reject", command: Reject, serve: waveCommand(Engine.Reject)},
		{pattern: "POST /plans/{plan}/waves/{wave}/rollback", command: Rollback, serve: waveCommand(Engine.RollbackWave)},

		{pattern: "POST /plans/{plan}/tasks/retry", command: Retry, serve: manyTasks(plan.SweepRetry, nil)},
		{pattern: "POST /plans/{plan}/tasks/pause", command: Pause, serve: manyTasks(plan.SweepPauseTasks, cutover.Selection.Pause)},
		{pattern: "POST /plans/{plan}/tasks/resume", command: Resume, serve: manyTasks(plan.SweepResumeTasks, cutover.Selection.Resume)},
		{pattern: "POST /plans/{plan}/tasks/cancel", command: Cancel, serve: manyTasks(plan.SweepCancelTasks, cutover.Selection.Cancel)},
		{pattern: "POST /plans/{plan}/tasks/skip", command: Skip, serve: manyTasks(plan.SweepSkipTasks, cutover.Selection.Skip)},
		{pattern: "POST /plans/{plan}/tasks/rollback", command: Rollback, serve: manyTasks(plan.SweepRollbackTasks, cutover.Selection.Rollback)},

		{pattern: "GET /notifiers", serve: listNotifiers},
		{pattern: "GET /notifiers/{notifier}/deadletters", serve: listDeadLetters},
		{pattern: "POST /notifiers/{notifier}/test", command: Notify, serve: testNotifier},
		{pattern: "POST /notifiers/{notifier}/redeliver", command: Notify, serve: redeliver},

		{pattern: "GET /workers", serve: listWorkers},
		{pattern: "GET /tenants", costly: true, serve: findTenant},

		{pattern: "GET /tasks", costly: true, serve: findTasks},
		{pattern: "GET /tasks/{task}", serve: getTask},
		{pattern: "GET /tasks/{task}/why", serve: explainTask},
		{pattern: "POST /tasks/{task}/retry", command: Retry, serve: onTask(retryTask)},
		{pattern: "POST /tasks/{task}/pause", command: Pause, serve: taskCommand(Engine.PauseTask)},
		{pattern: "POST /tasks/{task}/resume", command: Resume, serve: taskCommand(Engine.ResumeTask)},
		{pattern: "POST /tasks/{task}/cancel", command: Cancel, serve: taskCommand(Engine.CancelTask)},
		{pattern: "POST /tasks/{task}/skip", command: Skip, serve: taskCommand(Engine.SkipTask)},
		{pattern: "POST /tasks/{task}/rollback", command: Rollback, serve: taskCommand(Engine.RollbackTask)},
	}
}
