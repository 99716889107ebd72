package notify

import (
	"context"
	"log/slog"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Slog returns a sink that logs each message to l, or to slog.Default if l is nil: errors and
// warnings at these levels, the rest at info level. Without [Config].BaseURL there is no link.
func Slog(l *slog.Logger) Sink {
	return Func(func(ctx context.Context, m Message) error {
		to := l
		if to == nil {
			to = slog.Default()
		}
		level := map[Severity]slog.Level{Warning: slog.LevelWarn, Error: slog.LevelError}[m.Severity]
		attrs := []slog.Attr{
			slog.String("notifier", m.Notifier), slog.String("id", m.ID), slog.String("kind", string(m.Kind)),
			slog.Int64("plan", int64(m.Plan)), slog.Int64("first", m.First), slog.Int64("last", m.Last), slog.String("text", m.Text),
		}
		if m.Link != "" {
			attrs = append(attrs, slog.String("link", m.Link))
		}
		to.LogAttrs(ctx, level, m.Title, attrs...)
		return nil
	})
}

// Zap returns a sink that logs each message to l, at the same levels and with the same fields as
// that of [Slog].
func Zap(l *zap.Logger) Sink {
	return Func(func(_ context.Context, m Message) error {
		level := map[Severity]zapcore.Level{Warning: zap.WarnLevel, Error: zap.ErrorLevel}[m.Severity]
		fields := []zap.Field{
			zap.String("notifier", m.Notifier), zap.String("id", m.ID), zap.String("kind", string(m.Kind)),
			zap.Int64("plan", int64(m.Plan)), zap.Int64("first", m.First), zap.Int64("last", m.Last), zap.String("text", m.Text),
		}
		if m.Link != "" {
			fields = append(fields, zap.String("link", m.Link))
		}
		l.Log(level, m.Title, fields...)
		return nil
	})
}
