package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

// operator does what a person at a screen would do.
type operator struct {
	engine *cutover.Engine
	mover  *mover
	screen

	plan    plan.ID
	preview []strategy.WavePreview
	pace    pace
	// alone is the task that was tried alone after the last breach, 0 if none was.
	alone task.ID
}

// operate creates and starts the plan, and gives commands until all tenants are moved.
func (o *operator) operate(ctx context.Context, spec plan.Spec) error {
	arranged, err := spec.Arrange(time.Now()) // names every fault, and writes nothing
	if err != nil {
		return err
	}
	o.preview = arranged.Preview()
	for _, w := range o.preview {
		o.say(fmt.Sprintf("%-6s %3d tenants, %2d at once, %2d failed at worst", w.Name, w.Tasks, slots(w), w.WorstCase))
	}
	p, err := o.engine.Create(ctx, spec, cutover.By("ada"))
	if err != nil {
		return err
	}
	o.plan = p.ID
	ctx, stop := context.WithCancel(ctx)
	var watching sync.WaitGroup
	defer watching.Wait()
	defer stop()
	rest := make(chan plan.Event)
	watching.Go(func() { o.watch(ctx, p.LastEvent, rest) })
	watching.Go(func() { o.refresh(ctx) })
	if err := o.ask(ctx, "start"); err != nil {
		return err
	}
	if _, err := o.engine.Start(ctx, p.ID, cutover.By("ada")); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case e := <-rest:
			if done, err := o.act(ctx, e); done || err != nil {
				return err
			}
		}
	}
}

// watch tells what happens after an event, and passes on the events after which the plan waits for
// a command.
func (o *operator) watch(ctx context.Context, after int64, rest chan<- plan.Event) {
	for e, err := range o.engine.Watch(ctx, o.plan, after) {
		if err != nil {
			return // the context has ended
		}
		o.pace.note(e)
		if line := news(e, o.preview); line != "" {
			o.say(line)
		}
		if !e.AtRest {
			continue
		}
		select {
		case rest <- e:
		case <-ctx.Done():
			return
		}
	}
}

// refresh updates the screen until ctx ends.
func (o *operator) refresh(ctx context.Context) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if s, err := o.status(ctx); err == nil {
			o.update(s)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// status reads what the screen shows. The failed tasks are read only if there are some.
func (o *operator) status(ctx context.Context) (s status, err error) {
	s.preview, s.mean = o.preview, o.pace.mean()
	if s.Plan, err = o.engine.Plan(ctx, o.plan); err != nil || s.Counters.Of(task.Failed) == 0 {
		return s, err
	}
	s.failed, _, err = o.engine.Select(o.plan, task.Filter{States: []task.State{task.Failed}}).Tasks(ctx, 0, 0)
	return s, err
}

// act gives the command that the plan waits for. done is true if there is none.
func (o *operator) act(ctx context.Context, e plan.Event) (done bool, err error) {
	s, err := o.status(ctx)
	if err != nil || !s.AtRest() || s.LastEvent != e.Seq {
		return false, err // it goes on, or more is to be shown first
	}
	switch {
	case s.State == plan.Failed && o.alone == 0:
		return false, o.tryAlone(ctx, s)
	case s.State == plan.Failed:
		return false, o.resume(ctx, s)
	case s.Gate == plan.GateApproval:
		return false, o.approve(ctx, s)
	case len(s.failed) > 0:
		return false, o.retry(ctx, s)
	}
	o.update(s)
	o.say(fmt.Sprintf("done: %s", s.Counters))
	return true, nil
}

// tryAlone looks why tasks failed, mends it, and runs the first of them while the plan stays as it
// is.
func (o *operator) tryAlone(ctx context.Context, s status) error {
	for _, line := range s.causes() {
		o.say("  " + line)
	}
	o.mend(s)
	first := s.failed[0]
	if err := o.ask(ctx, fmt.Sprintf("retry %s alone", first.Tenant.ID)); err != nil {
		return err
	}
	o.alone = first.ID
	_, err := o.engine.RetryTask(ctx, first.ID, cutover.FromCheckpoint, cutover.StayStopped(), cutover.By("ada"))
	return err
}

// mend removes the cause of the failures that there are.
func (o *operator) mend(s status) {
	for _, t := range s.failed {
		o.mover.repair(t.Tenant.ID)
	}
	o.say("  the cause is found and gone")
}

// resume lets the plan go on, and acknowledges the failures that there are.
func (o *operator) resume(ctx context.Context, s status) error {
	if err := o.ask(ctx, fmt.Sprintf("resume, with %d still failed", len(s.failed))); err != nil {
		return err
	}
	o.alone = 0
	_, err := o.engine.Resume(ctx, s.ID, cutover.By("ada"), cutover.Because("one was tried alone"), cutover.IfVersion(s.Version))
	return err
}

// approve lets the next wave open. IfVersion makes sure that it is the plan that was looked at.
func (o *operator) approve(ctx context.Context, s status) error {
	next := s.Wave + 1
	if err := o.ask(ctx, fmt.Sprintf("approve wave %d", next)); err != nil {
		return err
	}
	_, err := o.engine.Approve(ctx, s.ID, next, cutover.By("bob"), cutover.IfVersion(s.Version))
	return err
}

// retry runs all tasks that are still failed once more.
func (o *operator) retry(ctx context.Context, s status) error {
	o.mend(s)
	if err := o.ask(ctx, fmt.Sprintf("retry the %d that failed", len(s.failed))); err != nil {
		return err
	}
	_, err := o.engine.RetryFailed(ctx, s.ID, cutover.FromCheckpoint, cutover.By("ada"))
	return err
}
