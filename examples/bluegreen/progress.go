package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// meter shows how many of a number of tasks are done.
type meter interface {
	show(done int) error
	// end shows the final number; unlike show it never skips it.
	end(done int) error
}

// newMeter returns a bar if out is a terminal, otherwise plain lines: a bar redraws itself with
// carriage returns, which a pipe or a file would show as one long line.
func newMeter(out *os.File, total int, what string) meter {
	if info, err := out.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return newBar(out, total, what)
	}
	return &lines{out: out, total: total, what: what}
}

// redraw is the minimum time between two drawings of a bar.
const redraw = 50 * time.Millisecond

// bar itself limits how often it is drawn: progressbar's own limit would also suppress the last
// number.
type bar struct {
	*progressbar.ProgressBar
	out   io.Writer
	drawn time.Time
}

func newBar(out io.Writer, total int, what string) *bar {
	return &bar{out: out, ProgressBar: progressbar.NewOptions(total,
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription(what),
		progressbar.OptionSetWidth(40),
		progressbar.OptionShowCount(),
	)}
}

func (b *bar) show(done int) error {
	if time.Since(b.drawn) < redraw {
		return nil
	}
	b.drawn = time.Now()
	return b.Set(done)
}

func (b *bar) end(done int) error {
	if err := b.Set(done); err != nil {
		return err
	}
	_, err := io.WriteString(b.out, "\n")
	return err
}

// lines writes a line for every tenth of the total.
type lines struct {
	out    io.Writer
	total  int
	what   string
	tenths int
	last   string
}

func (l *lines) show(done int) error {
	tenths := 10 * done / max(1, l.total)
	if tenths <= l.tenths || done >= l.total {
		return nil
	}
	l.tenths = tenths
	return l.write(done)
}

func (l *lines) end(done int) error { return l.write(done) }

func (l *lines) write(done int) error {
	line := fmt.Sprintf("%s %d of %d\n", l.what, done, l.total)
	if line == l.last {
		return nil
	}
	l.last = line
	_, err := io.WriteString(l.out, line)
	return err
}

// follow shows how many tasks have reached the state done until the plan is at rest, and returns
// the plan at rest.
func follow(ctx context.Context, engine *cutover.Engine, p plan.Plan, done task.State) (plan.Plan, error) {
	m := newMeter(os.Stderr, p.TaskCount, done.String())
	count := p.Counters.Of(done)
	if err := m.show(count); err != nil {
		return p, err
	}
	for event, err := range engine.Watch(ctx, p.ID, p.LastEvent) {
		if err != nil {
			return p, err
		}
		if event.Task != 0 && event.To == done.String() {
			count++
			if err := m.show(count); err != nil {
				return p, err
			}
		}
		if event.AtRest {
			break
		}
	}
	p, err := engine.Wait(ctx, p.ID)
	if err != nil {
		return p, err
	}
	return p, m.end(p.Counters.Of(done))
}
