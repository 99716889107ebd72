package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/cutover-go/cutover/task"
)

// errQuit is the cause with which the rollout ends when somebody leaves the screen. In a real host
// the plan would go on: another process, or the next one, continues it.
var errQuit = errors.New("the screen was left")

// live runs the rollout behind a live view.
func live(ctx context.Context, o options, more ...tea.ProgramOption) error {
	ctx, quit := context.WithCancelCause(ctx)
	defer quit(nil)
	program := tea.NewProgram(&view{auto: o.auto, quit: quit}, append(more, tea.WithContext(ctx))...)
	ended := make(chan error, 1)
	go func() {
		defer program.Quit()
		ended <- run(ctx, o, remote{program})
	}()
	_, err := program.Run()
	quitted := errors.Is(context.Cause(ctx), errQuit)
	quit(nil)
	if err = errors.Join(<-ended, err); quitted {
		return errQuit
	}
	return err
}

// remote is the screen that passes on everything to the program of the view.
type remote struct{ *tea.Program }

func (r remote) update(s status) { r.Send(s) }
func (r remote) say(line string) { r.Send(said(line)) }

func (r remote) ask(ctx context.Context, command string) error {
	answer := make(chan struct{})
	r.Send(question{command, answer})
	select {
	case <-answer:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// said is a line to be shown, question a command to be given on Enter.
type (
	said     string
	question struct {
		command string
		answer  chan struct{}
	}
)

// view is what the terminal shows. Only the program's own goroutine uses it.
type view struct {
	auto bool
	quit context.CancelCauseFunc

	status status
	lines  []string // the last ones that were said
	asked  *question
}

// Init implements tea.Model.
func (v *view) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (v *view) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case status:
		v.status = msg
	case said:
		v.say(string(msg))
	case question:
		v.asked = &msg
		if v.auto {
			return v, tea.Tick(time.Second, func(time.Time) tea.Msg { return giveCommand{} })
		}
	case giveCommand:
		v.give()
	case tea.KeyPressMsg:
		switch msg.String() {
		case "enter":
			v.give()
		case "q", "ctrl+c":
			v.quit(errQuit)
			return v, tea.Quit
		}
	}
	return v, nil
}

// giveCommand is the message that gives the command without Enter.
type giveCommand struct{}

// give gives the command that was asked for, if there is one.
func (v *view) give() {
	if v.asked != nil {
		v.say("$ " + v.asked.command)
		close(v.asked.answer)
		v.asked = nil
	}
}

// shownLines is how many of the last lines are shown.
const shownLines = 12

func (v *view) say(line string) {
	v.lines = append(v.lines, line)
	v.lines = v.lines[max(0, len(v.lines)-shownLines):]
}

// View implements tea.Model.
func (v *view) View() tea.View {
	var b strings.Builder
	b.WriteString(v.status.draw())
	b.WriteString("\n" + strings.Join(v.lines, "\n") + "\n")
	if v.asked != nil {
		fmt.Fprintf(&b, "\nEnter: %s    q: quit\n", v.asked.command)
	}
	return tea.NewView(b.String())
}

// barWidth is the width of a wave's bar in characters.
const barWidth = 30

// draw draws the state of the plan, its waves and the causes of its failures.
func (s status) draw() string {
	if s.ID == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "plan %s %q is %s: %d of %d completed", s.ID, s.Name, s.State, s.Counters.Of(task.Completed), s.TaskCount)
	if left, ok := s.left(); ok {
		fmt.Fprintf(&b, ", about %s left", left.Round(time.Second))
	}
	b.WriteString("\n\n")
	for i, w := range s.waves() {
		done := (w.ended - w.failed) * barWidth / max(1, w.size)
		failed := (w.failed*barWidth + w.size - 1) / max(1, w.size) // a single failure is seen
		failed = min(failed, barWidth-done)
		fmt.Fprintf(&b, "%d %-8s%s%s%s %3d of %d", i+1, w.name, strings.Repeat("█", done), strings.Repeat("x", failed),
			strings.Repeat("·", barWidth-done-failed), w.ended, w.size)
		if w.failed > 0 {
			fmt.Fprintf(&b, ", %d failed (%d tolerated)", w.failed, w.most)
		}
		if w.now != "" {
			b.WriteString(", " + w.now)
		}
		b.WriteString("\n")
	}
	for _, cause := range s.causes() {
		b.WriteString("  " + cause + "\n")
	}
	return b.String()
}
