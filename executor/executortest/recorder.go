package executortest

import (
	"context"
	"runtime"
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"github.com/cutover-go/cutover/checkpoint"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/task"
)

// cut is where and how a run is interrupted.
type cut struct {
	at   int // the number of the write, 0 for never
	how  manner
	stop task.Stop
	err  error
	// hit, if not nil, is set when the run reaches that write.
	hit *bool
}

type manner int

const (
	stopped manner = iota
	failed
	lost
	crashBefore
	crashAfter
)

// recorder stores what a run saves. The executor.Run calls it for one write at a time.
type recorder struct{ *Run }

func (r recorder) Save(ctx context.Context, c checkpoint.Checkpoint) error {
	if err := r.limits.Check(c); err != nil {
		return err
	}
	return r.write(ctx, func() {
		c.Data = slices.Clone(c.Data)
		r.saved = append(r.saved, c)
		r.task.Checkpoint = &c
	})
}

func (r recorder) SaveUndo(ctx context.Context, u checkpoint.Undo) error {
	if err := r.limits.CheckUndo(u); err != nil {
		return err
	}
	return r.write(ctx, func() {
		u.Data = slices.Clone(u.Data)
		if log, _, err := r.task.Undo.Record(u); err == nil {
			r.task.Undo = log
		}
	})
}

func (r recorder) Progress(p executor.Progress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.progress = append(r.progress, p)
}

func (r recorder) Logger() *zap.Logger {
	return zaptest.NewLogger(r.t).With(
		zap.Stringer("plan", r.task.ID.Plan()), zap.Stringer("task", r.task.ID), zap.String("tenant", r.task.Tenant.ID))
}

// write counts a write and stores it, or interrupts the run if the cut is at this write.
func (r recorder) write(ctx context.Context, store func()) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	if r.cut.at == 0 || r.writes < r.cut.at {
		store()
		return nil
	}
	if r.cut.hit != nil {
		*r.cut.hit = true
	}
	switch r.cut.how {
	case stopped:
		store()
		return &executor.StopError{Stop: r.cut.stop}
	case failed:
		if r.writes == r.cut.at {
			return r.cut.err
		}
		store()
		return nil
	case crashBefore, crashAfter:
		if r.crashed {
			return executor.ErrLost // this save is deferred; a real crash would not have run it
		}
		r.crashed = true
		if r.cut.how == crashAfter {
			store()
		}
		runtime.Goexit()
	case lost:
	}
	return executor.ErrLost
}
