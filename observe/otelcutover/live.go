package otelcutover

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/trace"

	"github.com/cutover-go/cutover/task"
)

// live finds the span of an execution under way by its task, for hooks that have no context. It
// holds recorded executions only, so that the others cost one look at a counter. Its zero value is
// empty.
type live struct {
	shards [32]struct {
		recorded atomic.Int32 // executions in this shard
		mu       sync.Mutex
		spans    map[task.ID]trace.Span
	}
}

// add adds an execution. If this process still runs an earlier one of the same task, which it has
// lost, the new one takes its place.
func (l *live) add(id task.ID, s trace.Span) {
	shard := &l.shards[uint64(id)%uint64(len(l.shards))]
	shard.recorded.Add(1)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.spans == nil {
		shard.spans = make(map[task.ID]trace.Span)
	}
	shard.spans[id] = s
}

// any reports whether there may be a recorded execution of the task.
func (l *live) any(id task.ID) bool {
	return l.shards[uint64(id)%uint64(len(l.shards))].recorded.Load() > 0
}

// of returns the span of the task's execution, nil if it is not recorded.
func (l *live) of(id task.ID) trace.Span {
	if !l.any(id) {
		return nil
	}
	shard := &l.shards[uint64(id)%uint64(len(l.shards))]
	shard.mu.Lock()
	defer shard.mu.Unlock()
	return shard.spans[id]
}

// remove removes an execution that was added.
func (l *live) remove(id task.ID, s trace.Span) {
	shard := &l.shards[uint64(id)%uint64(len(l.shards))]
	shard.recorded.Add(-1)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.spans[id] == s {
		delete(shard.spans, id)
	}
}

// maxLosses bounds the lost workers that are remembered until their tasks are executed again,
// which another process may do.
const maxLosses = 1024

// losses remembers from which worker this process took a task. Its zero value is empty.
type losses struct {
	mu      sync.Mutex
	workers map[task.ID]string
}

func (l *losses) add(id task.ID, worker string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.workers == nil || len(l.workers) >= maxLosses {
		l.workers = make(map[task.ID]string) // their executions have long begun elsewhere
	}
	l.workers[id] = worker
}

// take returns the worker that lost the task, "" if this process does not know, and forgets it.
func (l *losses) take(id task.ID) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	worker := l.workers[id]
	delete(l.workers, id)
	return worker
}
