package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// situation is a condition of a task in which a command may find it.
type situation struct {
	name    string
	control task.Control
	worker  string
	waiting bool
}

func situations() []situation {
	in := func(s task.State) task.Control { return task.Control{State: s, Attempt: 2} }
	waits := func(why task.WaitReason, left time.Duration) task.Control {
		return task.Control{State: task.Running, Attempt: 2, Wait: task.Wait{Why: why, Until: noon().Add(left)}}
	}
	asked := func(r task.Request) task.Control { return task.Control{State: task.Running, Attempt: 2, Request: r} }
	return []situation{
		{"PENDING", task.Control{State: task.Pending}, "", false},
		{"RUNNING", in(task.Running), "w1", false},
		{"RUNNING, pause asked", asked(task.PauseRequest), "w1", false},
		{"RUNNING, cancel asked", asked(task.CancelRequest), "w1", false},
		{"RUNNING, no worker", in(task.Running), "", false},
		{"RUNNING, is to start", asked(task.StartRequest), "", false},
		{"RUNNING, exempt", asked(task.ExemptRequest), "", false},
		{"RUNNING, exempt, at work", asked(task.ExemptRequest), "w1", false},
		{"RUNNING, holds", waits(task.WaitHold, time.Hour), "", true},
		{"RUNNING, in a backoff", waits(task.WaitBackoff, time.Hour), "", true},
		{"RUNNING, resumed in a backoff", waits(task.WaitBackoff, time.Hour), "", false},
		{"RUNNING, backoff is over", waits(task.WaitBackoff, 0), "", true},
		{"RUNNING, lost after a backoff", waits(task.WaitBackoff, -time.Hour), "", false},
		{"RUNNING after a backoff", waits(task.WaitBackoff, -time.Hour), "w1", false},
		{"RUNNING, proves its success", waits(task.WaitProving, time.Hour), "", true},
		{"PAUSED by the plan", in(task.Paused), "", false},
		{"PAUSED alone", task.Control{State: task.Paused, Attempt: 2, PausedIndividually: true}, "", false},
		{"COMPLETED", in(task.Completed), "", false},
		{"FAILED", in(task.Failed), "", false},
		{"SKIPPED", in(task.Skipped), "", false},
		{"CANCELLED", in(task.Canceled), "", false},
		{"CANCELLED, never ran", task.Control{State: task.Canceled}, "", false},
		{"ROLLING_BACK", in(task.RollingBack), "w1", false},
		{"ROLLED_BACK", in(task.RolledBack), "", false},
		{"ROLLBACK_FAILED", in(task.RollbackFailed), "", false},
	}
}

// place puts a task in this situation into a plan that also has other tasks.
func (s situation) place(state plan.State) (plan.Plan, task.Task) {
	c := someTasks(state)
	c[s.control.State]++
	p := in(state, c)
	p.Now = noon()
	if s.worker != "" {
		p.Counters.Held = 1
	} else {
		p.Counters.Unhold(s.control.Request, 1)
	}
	if s.waiting {
		p.Counters.Waiting, p.NextDue = 1, s.control.Wait.Until
	}
	return p, task.Task{
		ID:         task.NewID(p.ID, 1),
		Control:    s.control,
		Version:    5,
		Worker:     s.worker,
		Waiting:    s.waiting,
		Checkpoint: &checkpoint.Checkpoint{Step: "S", Data: []byte(`{}`)},
	}
}

const commandsHeader = `What a command on one task does, by the state of its plan and the situation of the
task. A state is where the task goes; with * the plan goes on to RUNNING. Asked: its
worker is asked to stop. Withdrawn: it is asked no more. Alone: the plan's resume
does not wake it. Woken: its backoff ends. Exempt: it runs although the plan is stopped.
A dot is not applicable, = is unchanged.
`

// TestTaskCommands gives every command to a task in every situation, in a plan in
// every state, and compares the answers with testdata/commands.txt.
func TestTaskCommands(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(commandsHeader)
	for _, name := range taskCommandNames() {
		fmt.Fprintf(&b, "\n%s\n", name)
		w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, s := range states() {
			fmt.Fprintf(w, "\t%s", s)
		}
		fmt.Fprintln(w)
		for _, of := range situations() {
			fmt.Fprint(w, of.name)
			for _, s := range states() {
				fmt.Fprintf(w, "\t%s", answerTo(t, name, of, s))
			}
			fmt.Fprintln(w)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "commands.txt", b.String())
}

// answerTo gives a command and returns the result as a cell of the table.
func answerTo(t *testing.T, command string, of situation, s plan.State) string {
	t.Helper()
	p, before := of.place(s)
	d, err := taskCommands()[command](p, before, ann())
	kind := outcome(t, s, d, err)
	switch kind {
	case "not applicable":
		checkNotApplicable(t, err, plan.StateError{
			Plan: p.ID, Task: before.ID, PlanState: s, TaskState: of.control.State, Worker: of.worker,
			Command: strings.TrimSuffix(strings.TrimSuffix(command, " from scratch"), " and stay stopped"),
		})
		return "."
	case "unchanged":
		if len(d.Edits) != 0 || len(d.Events) != 0 {
			t.Errorf("%s of %s in %s is unchanged, and changes %v", command, of.name, s, d.Edits)
		}
		return "="
	}
	if len(d.Edits) != 1 || d.Edits[0].ID != before.ID || d.Edits[0].Version != before.Version {
		t.Fatalf("%s of %s in %s edits %+v", command, of.name, s, d.Edits)
	}
	if c := d.Plan.Counters; c.Waiting != 0 || c.Held != p.Counters.Held || c.Total() != p.Counters.Total() {
		t.Errorf("%s of %s in %s counts %+v, before it %+v", command, of.name, s, c, p.Counters)
	}
	cell := changeOf(before, d.Edits[0])
	if d.Plan.State == s {
		return cell
	}
	if d.Plan.State != plan.Running {
		t.Errorf("%s of %s takes the plan from %s to %s", command, of.name, s, d.Plan.State)
	}
	return cell + "*"
}

func changeOf(before task.Task, e task.Edit) string {
	switch {
	case e.Request == task.ExemptRequest && e.Request != before.Request:
		return strings.TrimPrefix(e.State.String()+", exempt", before.State.String()+", ")
	case e.State != before.State:
		return e.State.String()
	case e.Request.Stop() > before.Request.Stop():
		return "asked"
	case e.Request.Stop() < before.Request.Stop():
		return "withdrawn"
	case e.PausedIndividually && !before.PausedIndividually:
		return "alone"
	case e.Wait == task.Wait{} && before.Wait.Why == task.WaitBackoff:
		return "woken"
	}
	return "nothing"
}

// golden compares got with a file of testdata, or with -update writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(string(want), "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Errorf("%s:%d\ngot  %s\nwant %s", path, i+1, gotLines[i], wantLines[i])
		}
	}
	if len(gotLines) != len(wantLines) {
		t.Errorf("%s has %d lines, want %d", path, len(wantLines), len(gotLines))
	}
}
