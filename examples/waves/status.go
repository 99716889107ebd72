package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// status is what a screen shows of the rollout.
type status struct {
	plan.Plan
	failed  []task.Task
	preview []strategy.WavePreview
	// mean is how long a task takes on average, 0 if none has completed yet.
	mean time.Duration
}

// wave is a wave with its counts.
type wave struct {
	name                      string
	size, ended, failed, most int // at most so many failures are tolerated
	// bakes is how much of the wave's bake is left, now or later.
	bakes time.Duration
	// now is what the wave waits for or does, in a word or two.
	now string
}

// waves returns the waves in their order.
func (s status) waves() []wave {
	all := make([]wave, len(s.Waves))
	for i := range all {
		number, c, p := i+1, s.WaveCounters[i], s.preview[i]
		w := wave{name: p.Name, size: p.Tasks, ended: c.Ended, failed: c.Failed, most: p.WaveMaxFailed}
		switch {
		case number > s.Wave:
			w.bakes = p.BakeTime
		case number == s.Wave && s.Gate == plan.GateNone && s.WaveEndedAt.IsZero():
			w.bakes = p.BakeTime
		case number == s.Wave && s.Gate == plan.GateNone:
			w.bakes = max(0, p.BakeTime-s.Now.Sub(s.WaveEndedAt))
		}
		switch {
		case c.InFlight > 0:
			w.now = fmt.Sprintf("%d running", c.InFlight)
		case number == s.Wave+1 && s.Gate == plan.GateApproval:
			w.now = "needs an approval"
		case number == s.Wave && s.State == plan.Running && w.ended == w.size && w.bakes > 0:
			w.now = fmt.Sprintf("bakes for %s", w.bakes.Round(time.Second))
		}
		all[i] = w
	}
	return all
}

// slots returns how many tasks of a wave run at once as long as none has failed.
func slots(w strategy.WavePreview) int {
	if w.Strict {
		return min(w.MaxSlots, w.WaveMaxFailed+1)
	}
	return w.MaxSlots
}

// left estimates how much longer the plan will run: ok is false if it does not run, or no task has
// completed yet. Waits for people are not foreseen.
func (s status) left() (d time.Duration, ok bool) {
	if s.State != plan.Running || s.mean == 0 {
		return 0, false
	}
	for i, w := range s.waves() {
		n := max(1, slots(s.preview[i]))
		d += time.Duration((w.size-w.ended+n-1)/n)*s.mean + w.bakes
	}
	return d, true
}

// pace measures how long tasks take.
type pace struct {
	mu    sync.Mutex // guards what follows
	began map[task.ID]time.Time
	sum   time.Duration
	tasks int
}

func (p *pace) note(e plan.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.began == nil {
		p.began = map[task.ID]time.Time{}
	}
	switch e.To {
	case task.Running.String():
		p.began[e.Task] = e.At
	case task.Completed.String():
		if at, ok := p.began[e.Task]; ok {
			p.sum += e.At.Sub(at)
			p.tasks++
		}
		delete(p.began, e.Task)
	}
}

func (p *pace) mean() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tasks == 0 {
		return 0
	}
	return p.sum / time.Duration(p.tasks)
}

// causes returns a line for each cause of the failures that there are, the most frequent first.
func (s status) causes() []string {
	type cause struct{ code, step string }
	tenants := map[cause][]string{}
	for _, t := range s.failed {
		c := cause{t.Failure.ErrorCode, t.Failure.Step}
		tenants[c] = append(tenants[c], t.Tenant.ID)
	}
	var causes []cause
	for c := range tenants {
		causes = append(causes, c)
	}
	slices.SortFunc(causes, func(a, b cause) int {
		return cmp.Or(cmp.Compare(len(tenants[b]), len(tenants[a])), cmp.Compare(a.code, b.code), cmp.Compare(a.step, b.step))
	})
	lines := make([]string, len(causes))
	for i, c := range causes {
		lines[i] = fmt.Sprintf("%d %s in %s: %s", len(tenants[c]), c.code, c.step, strings.Join(tenants[c], ", "))
	}
	return lines
}

// news returns what is worth a line of an event, "" for nothing: the steps of the plan, and the
// tasks that do not succeed at once.
func news(e plan.Event, waves []strategy.WavePreview) string {
	switch {
	case e.Task != 0 && e.To == task.Failed.String():
		return fmt.Sprintf("%s FAILED: %s in %s", e.Tenant, e.Failure.ErrorCode, e.Failure.Step)
	case e.Task != 0 && e.To == task.Completed.String() && e.Attempt > 1:
		return fmt.Sprintf("%s COMPLETED in attempt %d", e.Tenant, e.Attempt)
	case e.Task != 0:
		return ""
	}
	text := fmt.Sprintf("plan %s by %s", e.To, e.Cause)
	if e.Wave > 0 {
		text += fmt.Sprintf(", wave %d %s", e.Wave, waves[e.Wave-1].Name)
	}
	for _, part := range []string{e.Actor, e.Reason} {
		if part != "" {
			text += ", " + part
		}
	}
	return text
}
