package hook

import (
	"context"

	"go.uber.org/zap"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Zap returns hooks that log to l: executions at debug level, or at warn level if they failed or
// lost their task; plan changes, removals, and tasks taken from lost workers, at info level; lost
// leases and store faults at warn level. It logs at most one fault of each operation in ten
// seconds, with the number of those that it has not logged since the last, because an outage causes
// thousands. It never logs checkpoints or parameters.
func Zap(l *zap.Logger) Hooks {
	faults := newFaultLimiter()
	return Hooks{
		OnExecuteEnd: func(_ context.Context, x Execution, out Outcome) { logExecution(l, x, out) },
		OnPlanChange: func(p plan.Plan, events []plan.Event) {
			for _, e := range events {
				if e.Task == 0 {
					l.Info("plan changed", zap.Int64("plan", int64(p.ID)), zap.String("cause", e.Cause),
						zap.String("from", e.From), zap.String("to", e.To), zap.String("actor", e.Actor))
				}
			}
		},
		OnPlanRemoved: func(p plan.Plan, r Removal) {
			l.Info("plan removed", zap.Int64("plan", int64(p.ID)), zap.String("name", p.Name), zap.Stringer("state", p.State),
				zap.Bool("retention", r.Retention), zap.String("actor", r.Actor), zap.String("reason", r.Reason))
		},
		OnLeaseLost: func(incarnation string, tasks int) {
			l.Warn("lease lost", zap.String("incarnation", incarnation), zap.Int("tasks", tasks))
		},
		OnWorkerLost: func(id task.ID, incarnation string) {
			l.Info("task taken from a lost worker", zap.Int64("plan", int64(id.Plan())), zap.Int64("task", int64(id)),
				zap.String("incarnation", incarnation))
		},
		OnStoreFault: func(op string, err error) {
			if unlogged, ok := faults.admit(op); ok {
				l.Warn("store fault: "+op, zap.String("op", op), zap.Int("unlogged", unlogged), zap.Error(err))
			}
		},
	}
}

func logExecution(l *zap.Logger, x Execution, out Outcome) {
	fields := []zap.Field{
		zap.Int64("plan", int64(x.Plan)), zap.Int64("task", int64(x.Task)), zap.String("tenant", x.Tenant),
		zap.Int("attempt", x.Attempt), zap.Bool("rollback", x.Rollback), zap.Duration("elapsed", out.Elapsed),
	}
	log := l.Debug
	if out.bad() {
		log = l.Warn
	}
	if out.Lost {
		fields = append(fields, zap.Bool("lost", true))
	} else {
		fields = append(fields, zap.Stringer("state", out.State))
	}
	if out.Wait != task.NoWait {
		fields = append(fields, zap.Stringer("wait", out.Wait), zap.Duration("after", out.After))
	}
	if f := out.Failure; f != nil {
		fields = append(fields, zap.String("code", f.ErrorCode), zap.String("step", f.Step), zap.Bool("retryable", f.Retryable))
	}
	log("execution ended", append(fields, zap.Error(out.Err))...)
}
