package hook_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/cutover-go/cutover/hook"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// line is one line of a log.
type line struct {
	level, message string
	fields         map[string]any
}

// logging are the loggers whose hooks are tested: each returns its hooks, and what they have
// logged.
func logging() map[string]func() (hook.Hooks, func() []line) {
	return map[string]func() (hook.Hooks, func() []line){
		"zap": func() (hook.Hooks, func() []line) {
			var out bytes.Buffer
			encoder := zapcore.NewJSONEncoder(zapcore.EncoderConfig{
				LevelKey: "level", MessageKey: "msg", EncodeLevel: zapcore.CapitalLevelEncoder, EncodeDuration: zapcore.NanosDurationEncoder,
			})
			core := zapcore.NewCore(encoder, zapcore.AddSync(&out), zapcore.DebugLevel)
			return hook.Zap(zap.New(core)), func() []line { return lines(&out) }
		},
		"slog": func() (hook.Hooks, func() []line) {
			var out bytes.Buffer
			handler := slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})
			return hook.Slog(slog.New(handler)), func() []line { return lines(&out) }
		},
	}
}

// lines reads a log of JSON lines.
func lines(out *bytes.Buffer) (all []line) {
	for _, text := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
		var l line
		if json.Unmarshal(text, &l.fields) != nil {
			continue
		}
		l.level, _ = l.fields["level"].(string)
		l.message, _ = l.fields["msg"].(string)
		for _, key := range []string{"level", "msg", "time"} {
			delete(l.fields, key)
		}
		all = append(all, l)
	}
	return all
}

// Of the faults of each operation one is logged in ten seconds, independently of those of other
// operations, with the number of the others.
func TestLoggedFaults(t *testing.T) {
	t.Parallel()
	for name, logger := range logging() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h, logged := logger()
				for range 30 {
					h.OnStoreFault("due", errors.New("away"))
					h.OnStoreFault("claim", errors.New("away"))
					time.Sleep(time.Second)
				}
				got := map[string][]any{}
				for _, l := range logged() {
					got[l.level+" "+l.message] = append(got[l.level+" "+l.message], l.fields["unlogged"])
				}
				for _, op := range []string{"due", "claim"} {
					if n := got["WARN store fault: "+op]; !slices.Equal(n, []any{0.0, 9.0, 9.0}) {
						t.Errorf("%v", got)
					}
				}
			})
		})
	}
}

// Both loggers log the same: each hook at its level, with plan, task and tenant, and without the
// data of a task.
func TestLogs(t *testing.T) {
	t.Parallel()
	id := task.NewID(7, 2)
	x := hook.Execution{Plan: 7, Task: id, Tenant: "a", ExecutorType: "X", Attempt: 3}
	ran := map[string]any{"plan": 7.0, "task": 7000002.0, "tenant": "a", "attempt": 3.0, "rollback": false, "elapsed": 1e9}
	with := func(fields map[string]any, more map[string]any) map[string]any {
		fields = maps.Clone(fields)
		maps.Copy(fields, more)
		return fields
	}
	ends := func(out hook.Outcome) func(h hook.Hooks) {
		out.Elapsed = time.Second
		return func(h hook.Hooks) { h.OnExecuteEnd(context.Background(), x, out) }
	}
	for what, tt := range map[string]struct {
		call func(h hook.Hooks)
		want []line
	}{
		"success": {ends(hook.Outcome{State: task.Completed}), []line{{"DEBUG", "execution ended", with(ran, map[string]any{"state": "COMPLETED"})}}},
		"failure": {
			ends(hook.Outcome{State: task.Failed, Err: errors.New("late"), Failure: &task.FailureInfo{ErrorCode: "GATEWAY_TIMEOUT", Step: "SWITCH"}}),
			[]line{{"WARN", "execution ended", with(ran, map[string]any{
				"state": "FAILED", "code": "GATEWAY_TIMEOUT", "step": "SWITCH", "retryable": false, "error": "late",
			})}},
		},
		"failed undo": {ends(hook.Outcome{State: task.RollbackFailed}), []line{{"WARN", "execution ended", with(ran, map[string]any{"state": "ROLLBACK_FAILED"})}}},
		"loss":        {ends(hook.Outcome{Lost: true}), []line{{"WARN", "execution ended", with(ran, map[string]any{"lost": true})}}},
		"wait": {ends(hook.Outcome{State: task.Running, Wait: task.WaitHold, After: time.Minute}), []line{
			{"DEBUG", "execution ended", with(ran, map[string]any{"state": "RUNNING", "wait": "hold", "after": 6e10})},
		}},
		"plan": {func(h hook.Hooks) {
			h.OnPlanChange(plan.Plan{ID: 7}, []plan.Event{{Cause: "pause", From: "RUNNING", To: "PAUSED", Actor: "ada"}, {Task: id, Cause: "skip"}})
		}, []line{{"INFO", "plan changed", map[string]any{"plan": 7.0, "cause": "pause", "from": "RUNNING", "to": "PAUSED", "actor": "ada"}}}},
		"removal": {func(h hook.Hooks) {
			h.OnPlanRemoved(plan.Plan{ID: 7, Name: "night", Control: plan.Control{State: plan.Completed}}, hook.Removal{Actor: "ada", Reason: "a trial"})
		}, []line{{"INFO", "plan removed", map[string]any{
			"plan": 7.0, "name": "night", "state": "COMPLETED", "retention": false, "actor": "ada", "reason": "a trial",
		}}}},
		"lease": {func(h hook.Hooks) { h.OnLeaseLost("i", 4) }, []line{{"WARN", "lease lost", map[string]any{"incarnation": "i", "tasks": 4.0}}}},
		"worker": {func(h hook.Hooks) { h.OnWorkerLost(id, "i") }, []line{
			{"INFO", "task taken from a lost worker", map[string]any{"plan": 7.0, "task": 7000002.0, "incarnation": "i"}},
		}},
		"fault": {func(h hook.Hooks) { h.OnStoreFault("due", errors.New("away")) }, []line{
			{"WARN", "store fault: due", map[string]any{"op": "due", "unlogged": 0.0, "error": "away"}},
		}},
	} {
		for name, logger := range logging() {
			t.Run(what+" by "+name, func(t *testing.T) {
				t.Parallel()
				h, logged := logger()
				tt.call(h)
				got := logged()
				if len(got) != len(tt.want) {
					t.Fatalf("logged %v", got)
				}
				for i, want := range tt.want {
					if got[i].level != want.level || got[i].message != want.message || !maps.Equal(got[i].fields, want.fields) {
						t.Errorf("logged %v\nwant   %v", got[i], want)
					}
				}
			})
		}
	}
}

// An execution whose level is off costs nothing.
//
// Not parallel: allocations are counted over the whole process.
func TestSlogBuildsNothingInVain(t *testing.T) {
	h := hook.Slog(slog.New(slog.DiscardHandler))
	ctx, x, out := t.Context(), hook.Execution{Tenant: "a"}, hook.Outcome{State: task.Completed}
	if n := testing.AllocsPerRun(100, func() { h.OnExecuteEnd(ctx, x, out) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
