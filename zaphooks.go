package cutover

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// ZapHooks returns hooks that log to l: executions at debug level, or warn if they
// failed, changes of plans at info level, lost leases and store faults at warn
// level. Checkpoints and parameters are never logged.
func ZapHooks(l *zap.Logger) Hooks {
	return Hooks{
		ExecuteEnd: func(_ context.Context, x Execution, out Outcome) { logExecution(l, x, out) },
		PlanChanged: func(p plan.Plan, events []plan.Event) {
			for _, e := range events {
				if e.Task == 0 {
					l.Info("plan changed", zap.Int64("plan", int64(p.ID)), zap.String("cause", e.Cause),
						zap.String("from", e.From), zap.String("to", e.To), zap.String("actor", e.Actor))
				}
			}
		},
		LeaseLost: func(incarnation string, tasks int) {
			l.Warn("lease lost", zap.String("incarnation", incarnation), zap.Int("tasks", tasks))
		},
		StoreFault: func(op string, err error) {
			l.Warn("store fault", zap.String("op", op), zap.Error(err))
		},
	}
}

func logExecution(l *zap.Logger, x Execution, out Outcome) {
	log := l.Debug
	if out.Lost || out.State == task.Failed || out.State == task.RollbackFailed {
		log = l.Warn
	}
	log("execution ended",
		zap.Int64("plan", int64(x.Plan)), zap.Int64("task", int64(x.Task)), zap.String("tenant", x.Tenant),
		zap.Int("attempt", x.Attempt), zap.Bool("rollback", x.Rollback), zap.Bool("lost", out.Lost),
		zap.Stringer("state", out.State), zap.Duration("elapsed", out.Elapsed), zap.Error(out.Err))
}
