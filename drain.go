package cutover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/internal/wait"
)

// handBackPatience bounds what a shutdown still does after its grace period: how
// long interrupted executors may take to return, and each last write.
const handBackPatience = 5 * time.Second

// lastPatience is how long a worker may take that has nothing to wait for any more.
const lastPatience = time.Second

// drain waits for the workers: first until they come to a boundary, which they
// learn of when they save, then, after the grace period, with their contexts
// cancelled. The channel that it returns is closed when they all have ended.
func (e *Engine) drain() (idle <-chan struct{}) {
	e.draining.Store(true)
	done := make(chan struct{})
	go func() {
		e.workers.Wait()
		close(done)
	}()
	if wait.Until(done, e.cfg.ShutdownGrace) {
		return done
	}
	for _, j := range e.jobs.all() {
		j.interrupt(executor.ErrShutdown)
	}
	wait.Until(done, handBackPatience)
	return done
}

// stuck waits for workers that still tried to reach the store when the lease was
// given up. The rest are executors that do not return.
func (e *Engine) stuck(idle <-chan struct{}) error {
	if wait.Until(idle, lastPatience) {
		return nil
	}
	var tasks []string
	for _, j := range e.jobs.all() {
		tasks = append(tasks, j.task.ID.String())
	}
	slices.Sort(tasks)
	return fmt.Errorf("cutover: shut down while the executors of tasks %s do not return: %w",
		strings.Join(tasks, ", "), context.DeadlineExceeded)
}
