package ops

import (
	"context"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/ops/internal/wire"
	"github.com/cutover-go/cutover/task"
)

// taskCommand serves a command on a task that has only a reason.
func taskCommand(give func(Engine, context.Context, task.ID, ...cutover.CommandOption) (cutover.TaskResult, error)) serveFunc {
	return onTask(func(c *call, id task.ID, _ *wire.Command, opts []cutover.CommandOption) (cutover.TaskResult, error) {
		return give(c.engine, c.r.Context(), id, opts...)
	})
}

// onTask serves a command on a task.
func onTask[T any, B body[T]](give func(c *call, id task.ID, b B, opts []cutover.CommandOption) (cutover.TaskResult, error)) serveFunc {
	return func(c *call) (answer, error) {
		id, p, err := c.task(c.command.Action)
		if err != nil {
			return answer{}, err
		}
		b, opts, err := prepare[T, B](c)
		if err != nil {
			return answer{}, err
		}
		r, err := give(c, id, b, opts)
		if err != nil {
			return answer{}, err
		}
		c.command.Unchanged, c.command.Repeated = r.Unchanged, r.Repeated
		if after, err := c.engine.Plan(c.r.Context(), p.ID); err == nil {
			p = after // the command may have changed it; what it did to the task is known anyway
		}
		r.Task.Failure = c.viewer().failure(r.Task.Failure)
		w := wire.TaskOf(&p, &r.Task, c.taskActions(&p, &r.Task), c.data(&p))
		w.Unchanged, w.Repeated, w.Stopped = r.Unchanged, r.Repeated, r.Stopped
		return answer{body: w}, nil
	}
}

// retryTask retries a task.
func retryTask(c *call, id task.ID, b *wire.RetryTaskCommand, opts []cutover.CommandOption) (cutover.TaskResult, error) {
	var retry []cutover.RetryOption
	for _, opt := range opts {
		retry = append(retry, opt)
	}
	if b.StayStopped {
		retry = append(retry, cutover.StayStopped())
	}
	return c.engine.RetryTask(c.r.Context(), id, from(b.FromCheckpoint), retry...)
}
