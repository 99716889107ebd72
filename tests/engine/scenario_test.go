package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// TestScenarios runs the transcripts in testdata/scenarios: commands, and everything that follows
// from them. To write the transcripts again, run
//
//	go test -run TestScenarios . -rewrite
//
// and read the difference. Each command is given only when the engine has nothing left to do.
func TestScenarios(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/scenarios/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenarios", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				datadriven.RunTest(t, file, w.run)
			})
		})
	}
}

// world is an engine, its store and a script for its executor.
type world struct {
	engine *cutover.Engine
	script *script
	seen   map[plan.ID]int64
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{script: newScript(), seen: make(map[plan.ID]int64)}
	e, err := cutover.New(memstore.New(), cutover.Config{
		Executors: executor.Registry{"STEPS": w.script, "NO_WAY_BACK": executor.Func(w.script.Execute)},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.engine = e
	runEngine(t, e)
	t.Cleanup(w.script.releaseAll)
	return w
}

// run carries out one command of a transcript and returns what follows from it.
func (w *world) run(t *testing.T, d *datadriven.TestData) string {
	t.Helper()
	ctx := t.Context()
	var out strings.Builder
	switch d.Cmd {
	case "create":
		w.create(ctx, t, d, &out)
	case "start", "pause", "resume", "cancel", "rollback", "retry-failed":
		w.planCommand(ctx, t, d, &out)
	case "task-retry", "task-pause", "task-resume", "task-cancel", "task-skip", "task-rollback":
		w.taskCommand(ctx, t, d, &out)
	case "hold", "release", "fail", "heal", "stubborn":
		w.script.change(t, d)
	case "advance":
		var by string
		d.ScanArgs(t, "by", &by)
		pause, err := time.ParseDuration(by)
		if err != nil {
			d.Fatalf(t, "%v", err)
		}
		time.Sleep(pause)
	case "task":
		w.showTask(ctx, t, d, &out)
	case "why":
		w.explain(ctx, t, d, &out)
	case "where":
		w.where(ctx, t, d, &out)
	case "plan":
	default:
		d.Fatalf(t, "unknown command %s", d.Cmd)
	}
	synctest.Wait()
	w.show(ctx, t, planArg(t, d), &out)
	return out.String()
}

// byArg returns the option with the actor of a command.
func byArg(t *testing.T, d *datadriven.TestData) cutover.CommandOption {
	t.Helper()
	var actor string
	d.MaybeScanArgs(t, "actor", &actor)
	return cutover.By(actor)
}

// fromArg returns where a retry starts.
func fromArg(d *datadriven.TestData) cutover.RetryFrom {
	if d.HasArg("scratch") {
		return cutover.FromScratch
	}
	return cutover.FromCheckpoint
}

func planArg(t *testing.T, d *datadriven.TestData) plan.ID {
	t.Helper()
	id := 1
	d.MaybeScanArgs(t, "plan", &id)
	return plan.ID(id)
}

func (w *world) create(ctx context.Context, t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	t.Helper()
	var tenants []string
	for _, arg := range d.CmdArgs {
		if arg.Key == "tenants" {
			tenants = arg.Vals
		}
	}
	spec := plan.Spec{Name: "scenario", ExecutorType: "STEPS", Tenants: plan.Tenants(tenants...)}
	d.MaybeScanArgs(t, "executor", &spec.ExecutorType)
	concurrency, failures, action, mode := "1", "0", "Stop", "Soft"
	d.MaybeScanArgs(t, "concurrency", &concurrency)
	d.MaybeScanArgs(t, "failures", &failures)
	d.MaybeScanArgs(t, "action", &action)
	d.MaybeScanArgs(t, "mode", &mode)
	var errs [4]error
	spec.Strategy.MaxConcurrency, errs[0] = strategy.ParseAmount(concurrency)
	spec.Strategy.MaxFailures, errs[1] = strategy.ParseAmount(failures)
	spec.Strategy.FailureAction, errs[2] = strategy.ParseAction(action)
	spec.Strategy.ConcurrencyMode, errs[3] = strategy.ParseConcurrencyMode(mode)
	if err := errors.Join(errs[:]...); err != nil {
		d.Fatalf(t, "%v", err)
	}
	p, err := w.engine.Create(ctx, spec, byArg(t, d))
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return
	}
	fmt.Fprintf(out, "created plan %s with %d tasks\n", p.ID, p.TaskCount)
}

func (w *world) planCommand(ctx context.Context, t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	t.Helper()
	command := map[string]func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error){
		"start": w.engine.Start, "pause": w.engine.Pause, "resume": w.engine.Resume,
		"cancel": w.engine.Cancel, "rollback": w.engine.Rollback,
		"retry-failed": func(ctx context.Context, id plan.ID, opts ...cutover.CommandOption) (cutover.PlanResult, error) {
			return w.engine.RetryFailed(ctx, id, fromArg(d), opts...)
		},
	}[d.Cmd]
	answer, err := command(ctx, planArg(t, d), byArg(t, d))
	switch {
	case err != nil:
		fmt.Fprintln(out, "error:", err)
	case answer.Unchanged:
		fmt.Fprintln(out, "unchanged:", answer.Plan.State)
	default:
		fmt.Fprintf(out, "applied: %s, %d in flight, %d failures acknowledged\n",
			answer.Plan.State, answer.Plan.Counters.InFlight(), answer.Plan.Acknowledged)
	}
}

func taskArg(t *testing.T, d *datadriven.TestData) task.ID {
	t.Helper()
	var ordinal int
	d.ScanArgs(t, "ordinal", &ordinal)
	return task.NewID(planArg(t, d), ordinal)
}

func asRetry(opts []cutover.CommandOption) (retry []cutover.RetryOption) {
	for _, opt := range opts {
		retry = append(retry, opt)
	}
	return retry
}

func (w *world) taskCommand(ctx context.Context, t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	t.Helper()
	command := map[string]func(context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error){
		"task-pause": w.engine.PauseTask, "task-resume": w.engine.ResumeTask,
		"task-cancel": w.engine.CancelTask, "task-rollback": w.engine.RollbackTask,
		"task-retry": func(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error) {
			return w.engine.RetryTask(ctx, id, fromArg(d), asRetry(opts)...)
		},
		"task-skip": func(ctx context.Context, id task.ID, opts ...cutover.CommandOption) (cutover.TaskResult, error) {
			return w.engine.SkipTask(ctx, id, append(opts, cutover.Because("not needed"))...)
		},
	}[d.Cmd]
	var answer cutover.TaskResult
	var err error
	w.script.duringCommand(func() { answer, err = command(ctx, taskArg(t, d), byArg(t, d)) })
	switch {
	case err != nil:
		fmt.Fprintln(out, "error:", err)
	case answer.Unchanged:
		fmt.Fprintln(out, "unchanged:", answer.Task.State)
	default:
		fmt.Fprintf(out, "applied: %s, attempt %d\n", answer.Task.State, answer.Task.Attempt)
	}
}

func (w *world) showTask(ctx context.Context, t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	t.Helper()
	tk, err := w.engine.Task(ctx, taskArg(t, d))
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return
	}
	fmt.Fprintf(out, "task %s %s: %s, attempt %d\n", tk.ID, tk.Tenant.ID, tk.State, tk.Attempt)
	if tk.Checkpoint != nil {
		fmt.Fprintf(out, "  checkpoint %s %s\n", tk.Checkpoint.Step, tk.Checkpoint.Data)
	}
	for _, u := range tk.Undo {
		fmt.Fprintf(out, "  undo %s %s\n", u.Step, u.Data)
	}
	if f := tk.Failure; f != nil {
		fmt.Fprintf(out, "  failure %s at %s in %s, attempt %d, retryable %t: %s\n",
			f.ErrorCode, f.Timestamp.UTC().Format(time.RFC3339), f.Step, f.Attempt, f.Retryable, f.Reason)
	}
}

// explain prints why a task does not move, first for programs and then for people. The name of the
// worker is another one in each run.
func (w *world) explain(ctx context.Context, t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	t.Helper()
	why, err := w.engine.Explain(ctx, taskArg(t, d))
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return
	}
	params := why.Params()
	if why.Worker != "" {
		params["worker"] = "host-1"
	}
	text, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "%s %s\n", why.Code, text)
	fmt.Fprintln(out, strings.ReplaceAll(why.String(), "Worker "+why.Worker, "Worker host-1"))
}

// where prints where a tenant is.
func (w *world) where(ctx context.Context, t *testing.T, d *datadriven.TestData, out *strings.Builder) {
	t.Helper()
	var tenant string
	d.ScanArgs(t, "tenant", &tenant)
	found, err := w.engine.Lookup().Tenant(ctx, tenant, cutover.TenantPosition{})
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return
	}
	line := func(what string, at cutover.TenantTask) {
		fmt.Fprintf(out, "%s plan %s, which is %s: task %s is %s, attempt %d", what, at.Plan.ID, at.Plan.State, at.Task.ID, at.Task.State, at.Task.Attempt)
		if at.Task.Worker != "" {
			fmt.Fprint(out, ", worker host-1")
		}
		fmt.Fprintln(out)
	}
	if found.Holder != nil {
		line("held by", *found.Holder)
	}
	for _, at := range found.Tasks {
		line("in", at)
	}
	fmt.Fprintf(out, "searched down to plan %s, and there is more: %t\n", found.SearchedDownTo, found.Next != nil)
}

// show prints the events since its previous call, and the current plan.
func (w *world) show(ctx context.Context, t *testing.T, id plan.ID, out *strings.Builder) {
	t.Helper()
	events, err := w.engine.Events(ctx, id, w.seen[id], store.MaxPage)
	if errors.Is(err, store.ErrNotFound) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		w.seen[id] = e.Seq
		fmt.Fprintln(out, eventLine(e))
	}
	p, err := w.engine.Plan(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(out, "= %s", p.State)
	if p.PauseReasons != 0 {
		fmt.Fprintf(out, " by %s", strings.Join(p.PauseReasons.Strings(), ", "))
	}
	for s, n := range p.Counters.States {
		if n > 0 {
			fmt.Fprintf(out, ", %d %s", n, task.State(s))
		}
	}
	fmt.Fprintln(out)
}

func eventLine(e plan.Event) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d.", e.Seq)
	if e.Task != 0 {
		fmt.Fprintf(&b, " %s", e.Tenant)
	} else {
		b.WriteString(" plan")
	}
	fmt.Fprintf(&b, " %s -> %s by %s", e.From, e.To, e.Cause)
	if e.Task != 0 {
		fmt.Fprintf(&b, ", attempt %d", e.Attempt)
	}
	if e.Actor != "" {
		fmt.Fprintf(&b, ", %s", e.Actor)
	}
	if e.Reason != "" {
		fmt.Fprintf(&b, " (%s)", e.Reason)
	}
	if e.Failure != nil {
		fmt.Fprintf(&b, ": %s", e.Failure.ErrorCode)
	}
	if e.AtRest {
		b.WriteString(" [at rest]")
	}
	return b.String()
}
