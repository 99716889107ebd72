package engine

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// TestBoundaries gives sequences of commands to a task that is held, or has failed, in each of its
// steps, and compares the result with testdata/boundaries.txt: after each command the states of
// plan and task and the checkpoint, and at the end the steps that took effect. The flag -rewrite
// writes the file again, as it writes the transcripts of TestScenarios.
func TestBoundaries(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, meeting := range [...]string{"hold", "fail"} {
		for _, step := range [...]string{"prepare", "switch", "verify"} {
			for _, commands := range sequences(meeting) {
				synctest.Test(t, func(t *testing.T) { meet(t, &got, meeting, step, commands) })
			}
			got.WriteByte('\n')
		}
	}
	const file = "testdata/boundaries.txt"
	if f := flag.Lookup("rewrite"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(gotLines), len(wantLines)) {
		if i >= len(gotLines) || i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("line %d differs\ngot  %s\nwant %s", i+1, line(gotLines, i), line(wantLines, i))
		}
	}
}

func line(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(none)"
}

// sequences returns the commands to give to a task that is held in the middle of a step, or that
// has failed there. "-" releases the step.
func sequences(meeting string) []string {
	if meeting == "hold" {
		return []string{
			"-",
			"pause - resume",
			"pause resume -",
			"pause - cancel rollback",
			"pause - rollback",
			"cancel - rollback",
			"rollback -",
			"rollback cancel - rollback",
			"task-pause - task-resume",
			"task-pause task-resume -",
			"task-pause - task-retry",
			"task-pause - task-scratch",
			"task-pause - task-cancel task-rollback",
			"task-pause pause - resume task-resume",
			"task-cancel - task-rollback",
			"task-cancel task-resume -",
			"task-cancel pause - resume",
		}
	}
	return []string{
		"task-retry",
		"task-scratch",
		"retry-failed",
		"resume",
		"task-skip resume",
		"task-cancel resume",
		"cancel rollback",
		"rollback",
		"task-rollback resume",
		"task-retry rollback",
	}
}

// meet gives the commands to a plan of one tenant and writes one line about the result.
func meet(t *testing.T, out *strings.Builder, meeting, step, commands string) {
	t.Helper()
	w := newWorld(t)
	ctx := t.Context()
	p, err := w.engine.Create(ctx, plan.Spec{Name: "n", ExecutorType: "STEPS", Tenants: plan.Tenants("a")})
	if err != nil {
		t.Fatal(err)
	}
	w.script.set(meeting, place{"a", step}, "CODE")
	if _, err := w.engine.Start(ctx, p.ID); err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	fmt.Fprintf(out, "%s in %s: %s", meeting, step, w.status(ctx, t, p.ID))
	w.script.set("heal", place{"a", step}, "")
	for _, command := range strings.Fields(commands) {
		if command == "-" {
			w.script.set("release", place{"a", step}, "")
		} else if err := w.give(ctx, p.ID, command); err != nil {
			fmt.Fprintf(out, " | %s: refused", command)
			continue
		}
		synctest.Wait()
		fmt.Fprintf(out, " | %s: %s", command, w.status(ctx, t, p.ID))
	}
	w.script.mu.Lock()
	defer w.script.mu.Unlock()
	fmt.Fprintf(out, " | effects: %s\n", strings.Join(w.script.effects, " "))
}

// give gives one command to a plan or to its only task.
func (w *world) give(ctx context.Context, id plan.ID, command string) error {
	e := w.engine
	onTask := func(f func(context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error)) error {
		_, err := f(ctx, task.NewID(id, 1))
		return err
	}
	onPlan := func(f func(context.Context, plan.ID, ...cutover.CommandOption) (cutover.PlanResult, error)) error {
		_, err := f(ctx, id)
		return err
	}
	retry := func(from cutover.RetryFrom) error {
		_, err := e.RetryTask(ctx, task.NewID(id, 1), from)
		return err
	}
	switch command {
	case "pause":
		return onPlan(e.Pause)
	case "resume":
		return onPlan(e.Resume)
	case "cancel":
		return onPlan(e.Cancel)
	case "rollback":
		return onPlan(e.Rollback)
	case "retry-failed":
		_, err := e.RetryFailed(ctx, id, cutover.FromCheckpoint)
		return err
	case "task-pause":
		return onTask(e.PauseTask)
	case "task-resume":
		return onTask(e.ResumeTask)
	case "task-cancel":
		return onTask(e.CancelTask)
	case "task-rollback":
		return onTask(e.RollbackTask)
	case "task-retry":
		return retry(task.FromCheckpoint)
	case "task-scratch":
		return retry(task.FromScratch)
	case "task-skip":
		_, err := e.SkipTask(ctx, task.NewID(id, 1))
		return err
	}
	panic("unknown command " + command)
}

// status returns the states of the plan and its only task, and the checkpoint.
func (w *world) status(ctx context.Context, t *testing.T, id plan.ID) string {
	t.Helper()
	p, err := w.engine.Plan(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	tk, err := w.engine.Task(ctx, task.NewID(id, 1))
	if err != nil {
		t.Fatal(err)
	}
	s := fmt.Sprintf("%s/%s", p.State, tk.State)
	if tk.Checkpoint != nil {
		s += " after " + tk.Checkpoint.Step
	}
	return s
}
