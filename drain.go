package cutover

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/executor"
)

// handBackPatience bounds what a shutdown still does after its grace period: how
// long interrupted executors may take to return, and each last write.
const handBackPatience = 5 * time.Second

// drain waits for the workers: first until they come to a boundary, which they
// learn of when they save, then, after the grace period, with their contexts
// cancelled.
func (e *Engine) drain() error {
	e.draining.Store(true)
	idle := make(chan struct{})
	go func() {
		e.slots.workers.Wait()
		close(idle)
	}()
	if within(idle, e.cfg.ShutdownGrace) {
		return nil
	}
	for _, j := range e.jobs.all() {
		j.interrupt(executor.ErrShutdown)
	}
	if within(idle, handBackPatience) {
		return nil
	}
	return fmt.Errorf("cutover: shut down with %d executors that do not return: %w", len(e.jobs.all()), context.DeadlineExceeded)
}

// within reports whether done is closed before d has passed.
func within(done <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
		return true
	case <-t.C:
		return false
	}
}
