package notify_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover/notify"
)

// The line of a log leads to the plan, where the host has said where its console is.
func TestLogsHaveTheLink(t *testing.T) {
	t.Parallel()
	m := notify.Message{ID: "msg_1", Notifier: "log", Kind: notify.KindPlan, Plan: 7, Link: "https://ops.example/?plan=7"}
	core, logged := observer.New(zap.DebugLevel)
	if err := notify.Zap(zap.New(core)).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if got := logged.All()[0].ContextMap()["link"]; got != m.Link {
		t.Errorf("zap: %v", got)
	}
	var text bytes.Buffer
	if err := notify.Slog(slog.New(slog.NewTextHandler(&text, nil))).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text.String(), ` link="`+m.Link+`"`) {
		t.Errorf("slog: %s", text.String())
	}
}

// The two logs have the same levels and fields.
func TestLogs(t *testing.T) {
	t.Parallel()
	for severity, level := range map[notify.Severity]zapcore.Level{
		notify.Info: zap.InfoLevel, notify.Warning: zap.WarnLevel, notify.Error: zap.ErrorLevel,
	} {
		m := notify.Message{ID: "msg_1", Notifier: "log", Kind: notify.KindPlan, Severity: severity, Title: "it moved", Text: "by ada", Plan: 7, First: 3, Last: 4}
		core, logged := observer.New(zap.DebugLevel)
		if err := notify.Zap(zap.New(core)).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		entries := logged.All()
		if len(entries) != 1 || entries[0].Level != level || entries[0].Message != m.Title {
			t.Fatalf("zap: %+v", entries)
		}
		var text bytes.Buffer
		if err := notify.Slog(slog.New(slog.NewTextHandler(&text, nil))).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		want := `level=` + level.CapitalString() + ` msg="it moved" notifier=log id=msg_1 kind=plan plan=7 first=3 last=4 text="by ada"`
		if !strings.HasSuffix(strings.TrimSpace(text.String()), want) {
			t.Errorf("slog: %s, want %s", text.String(), want)
		}
		fields := entries[0].ContextMap()
		if len(fields) != 7 || fields["plan"] != int64(7) || fields["kind"] != "plan" || fields["text"] != "by ada" {
			t.Errorf("zap: %v", fields)
		}
	}
}
