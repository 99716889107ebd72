package hook

import (
	"context"
	"log/slog"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// Slog returns hooks that log to l, or to slog.Default if l is nil. They log the same messages with
// the same fields, at the same levels, as those of [Zap].
func Slog(l *slog.Logger) Hooks {
	log := slogger{l}
	faults := newFaultLimiter()
	return Hooks{
		OnExecuteEnd: log.execution,
		OnPlanChange: log.planChange,
		OnPlanRemoved: func(p plan.Plan, r Removal) {
			log.to().LogAttrs(context.Background(), slog.LevelInfo, "plan removed", slog.Int64("plan", int64(p.ID)), slog.String("name", p.Name),
				slog.String("state", p.State.String()), slog.Bool("retention", r.Retention), slog.String("actor", r.Actor), slog.String("reason", r.Reason))
		},
		OnLeaseLost: func(incarnation string, tasks int) {
			log.to().LogAttrs(context.Background(), slog.LevelWarn, "lease lost",
				slog.String("incarnation", incarnation), slog.Int("tasks", tasks))
		},
		OnWorkerLost: func(id task.ID, incarnation string) {
			log.to().LogAttrs(context.Background(), slog.LevelInfo, "task taken from a lost worker",
				slog.Int64("plan", int64(id.Plan())), slog.Int64("task", int64(id)), slog.String("incarnation", incarnation))
		},
		OnStoreFault: func(op string, err error) {
			if unlogged, ok := faults.admit(op); ok {
				log.to().LogAttrs(context.Background(), slog.LevelWarn, "store fault: "+op,
					slog.String("op", op), slog.Int("unlogged", unlogged), slog.Any("error", err))
			}
		},
	}
}

// slogger logs to a logger.
type slogger struct{ given *slog.Logger }

// to returns the logger. Without a given one it follows changes of the default.
func (s slogger) to() *slog.Logger {
	if s.given == nil {
		return slog.Default()
	}
	return s.given
}

func (s slogger) planChange(p plan.Plan, events []plan.Event) {
	for _, e := range events {
		if e.Task == 0 {
			s.to().LogAttrs(context.Background(), slog.LevelInfo, "plan changed", slog.Int64("plan", int64(p.ID)),
				slog.String("cause", e.Cause), slog.String("from", e.From), slog.String("to", e.To), slog.String("actor", e.Actor))
		}
	}
}

func (s slogger) execution(ctx context.Context, x Execution, out Outcome) {
	level := slog.LevelDebug
	if out.bad() {
		level = slog.LevelWarn
	}
	l := s.to()
	if !l.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.Int64("plan", int64(x.Plan)), slog.Int64("task", int64(x.Task)), slog.String("tenant", x.Tenant),
		slog.Int("attempt", x.Attempt), slog.Bool("rollback", x.Rollback), slog.Duration("elapsed", out.Elapsed),
	}
	if out.Lost {
		attrs = append(attrs, slog.Bool("lost", true))
	} else {
		attrs = append(attrs, slog.String("state", out.State.String()))
	}
	if out.Wait != task.NoWait {
		attrs = append(attrs, slog.String("wait", out.Wait.String()), slog.Duration("after", out.After))
	}
	if f := out.Failure; f != nil {
		attrs = append(attrs, slog.String("code", f.ErrorCode), slog.String("step", f.Step), slog.Bool("retryable", f.Retryable))
	}
	if out.Err != nil {
		attrs = append(attrs, slog.Any("error", out.Err))
	}
	l.LogAttrs(ctx, level, "execution ended", attrs...)
}
